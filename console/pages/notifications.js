// What became of telling: what failed, what a vehicle gave cause for, and the trail of one.
import { useState } from "preact/hooks";
import { call, drop, get, query as asked } from "../api.js";
import { Field, html, Sure, Table, Trouble, useAction, useLoad, When } from "../ui.js";
import { named, t } from "../words.js";

export function Notifications({ query }) {
  const { vehicle, id } = query;
  const look = (event) => {
    event.preventDefault();
    const { what } = Object.fromEntries(new FormData(event.target));
    location.hash = what.startsWith("veh-")
      ? `#/notifications?vehicle=${encodeURIComponent(what)}`
      : `#/notifications?id=${encodeURIComponent(what)}`;
  };
  return html`<h1>${t("page.notifications")}</h1>
    <form class="asking" role="search" onSubmit=${look}>
      <${Field} label=${t("notifications.look")}><input key=${vehicle ?? id} name="what" required defaultValue=${vehicle ?? id ?? ""} autocomplete="off" /><//>
      <button>${t("look")}</button></form>
    ${id ? html`<${Trail} key=${id} id=${id} />` : null}
    ${vehicle ? html`<${Told} key=${vehicle} vehicle=${vehicle} />` : null}
    <${Failed} />
    <${Operators} />`;
}

export function Trail({ id }) {
  const { data, problem, reload } = useLoad(() => get(`notifications/${encodeURIComponent(id)}/trail`), [id], 5000);
  if (!data) return html`<${Trouble} problem=${problem} />`;
  return html`<section class="trail card" aria-labelledby="trail"><h2 id="trail">${t("trail")}: ${named("kind", data.kind)}</h2>
    <p>${t("trail.fact")} <${When} at=${data.at} />${data.vehicleId ? html` · <a href="#/vehicles/${encodeURIComponent(data.vehicleId)}">${data.vehicleId}</a>` : null}
      · <code>${data.id}</code></p>
    <ol>${data.items.map(
      (item) => html`<li><strong>${item.recipient}</strong> ${t("trail.planned")} <${When} at=${item.plannedAt} />
      ${item.deletedAt ? html` · ${t("trail.deleted")} <${When} at=${item.deletedAt} />` : null}
      <ol>${item.deliveries.map((delivery) => html`<${Delivery} delivery=${delivery} />`)}</ol></li>`,
    )}</ol>
    <button type="button" onClick=${reload}>${t("refresh")}</button></section>`;
}

function Delivery({ delivery: { channel, outcome, reason, notBefore, attempts } }) {
  return html`<li class="delivery">${named("channel", channel)}: <${Outcome} of=${outcome} /> <span class="reason">${reason}</span>
    ${notBefore ? html` · ${t("trail.not_before")} <${When} at=${notBefore} />` : null}
    ${attempts.length ? html`<ol>${attempts.map((one) => html`<li><${When} at=${one.at} /> <${Outcome} of=${one.outcome} /> <span class="reason">${one.reason}</span></li>`)}</ol>` : null}</li>`;
}

const Outcome = ({ of }) => html`<span class="outcome ${of}">${named("outcome", of)}</span>`;

function Told({ vehicle }) {
  const { data, problem } = useLoad(
    () => get(`vehicles/${encodeURIComponent(vehicle)}/notifications`),
    [vehicle],
    10_000,
  );
  return html`<section aria-labelledby="told"><h2 id="told">${t("notifications.of")} <code>${vehicle}</code></h2><${Trouble} problem=${problem} />
    ${
      problem
        ? null
        : html`<${Table} caption=${t("notifications.of")} heads=${[t("at"), t("kind"), t("recipients"), t("deliveries"), ""]}
      rows=${
        data &&
        data.items.map(({ id, kind, at, recipients, outcomes }) => [
          html`<${When} at=${at} />`,
          named("kind", kind),
          recipients,
          Object.entries(outcomes).map(([outcome, count]) => html`<${Outcome} of=${outcome} /> ${count} `),
          html`<a href="#/notifications?vehicle=${encodeURIComponent(vehicle)}&id=${encodeURIComponent(id)}">${t("trail")}</a>`,
        ])
      } />`
    }</section>`;
}

function Failed() {
  const [cursors, setCursors] = useState([null]);
  const { data, problem, reload } = useLoad(
    () => get(`dead-letters${asked({ limit: 25, cursor: cursors.at(-1) })}`),
    [cursors.at(-1)],
    10_000,
  );
  const replay = useAction(async (id) => {
    await call("POST", `dead-letters/${id}/replay`);
    await reload();
  });
  const discard = useAction(async (id) => {
    await drop(`dead-letters/${id}`);
    await reload();
  });
  return html`<section aria-labelledby="failed"><h2 id="failed">${t("failed")}</h2>
    <${Trouble} problem=${problem ?? replay.problem ?? discard.problem} />
    <${Table} caption=${t("failed")} empty=${t("failed.none")} heads=${[t("at"), t("kind"), t("recipient"), t("reason"), ""]}
      rows=${
        data &&
        data.items.map(({ id, notificationId, kind, at, recipient, deliveries }) => [
          html`<${When} at=${at} />`,
          html`<a href="#/notifications?id=${encodeURIComponent(notificationId)}">${named("kind", kind)}</a>`,
          recipient,
          deliveries.map(
            ({ channel, outcome, reason }) =>
              html`<div>${named("channel", channel)}: <${Outcome} of=${outcome} /> <span class="reason">${reason}</span></div>`,
          ),
          html`<button type="button" disabled=${replay.busy} onClick=${() => replay.run(id)}>${t("replay")}</button>
          <${Sure} onSure=${() => discard.run(id)}>${t("discard")}<//>`,
        ])
      } />
    <${Pages} cursors=${cursors} next=${data?.cursor} onTurn=${setCursors} /></section>`;
}

function Operators() {
  const { data, problem } = useLoad(() => get("me/inbox?limit=25"), [], 10_000);
  return html`<section aria-labelledby="operators"><h2 id="operators">${t("operators")}</h2><${Trouble} problem=${problem} />
    <${Table} caption=${t("operators")} heads=${[t("at"), t("title"), t("text"), ""]} rows=${
      data &&
      data.items.map(({ at, title, body, notificationId }) => [
        html`<${When} at=${at} />`,
        title,
        body,
        html`<a href="#/notifications?id=${encodeURIComponent(notificationId)}">${t("trail")}</a>`,
      ])
    } /></section>`;
}

export function Pages({ cursors, next, onTurn }) {
  if (cursors.length === 1 && !next) return null;
  return html`<p class="pages"><button type="button" disabled=${cursors.length === 1} onClick=${() => onTurn(cursors.slice(0, -1))}>${t("back")}</button>
    <button type="button" disabled=${!next} onClick=${() => onTurn([...cursors, next])}>${t("next")}</button></p>`;
}

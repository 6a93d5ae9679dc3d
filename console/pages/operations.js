// How the taking in goes: the books of each hub partition as they move, and what was set aside.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, get, post, query as asked } from "../api.js";
import { Chart } from "../chart.js";
import { Ago, Field, html, Sure, Table, Trouble, useAction, useLoad, When } from "../ui.js";
import { named, number, t, unit } from "../words.js";
import { Pages } from "./notifications.js";

const EVERY = 2000;
const OUTCOMES = ["applied", "duplicate", "redelivered", "stale", "suppressed", "parked"];
/** Looks that the chart of rates shows. */
const KEPT = 150;

export function Operations() {
  const { data, problem } = useLoad(
    async () => ({ at: Date.now(), partitions: (await get("ledger")).partitions }),
    [],
    EVERY,
  );
  const { rates, points } = useRates(data);
  const sum = (of) => (data?.partitions ?? []).reduce((total, one) => total + of(one), 0);
  const total = Object.values(rates).reduce((a, b) => a + b, 0);
  return html`<h1>${t("page.operations")}</h1>
    <section aria-labelledby="ledger"><h2 id="ledger">${t("ledger")}</h2><${Trouble} problem=${problem} />
      <dl class="figures">
        <div><dt>${t("accepted")}</dt><dd>${number(sum((one) => one.accepted))}</dd></div>
        <div><dt>${t("rate")}</dt><dd>${unit(total, "/s", 1)}</dd></div>
        <div><dt>${t("lag")}</dt><dd>${worst(data?.partitions)}</dd></div>
        <div><dt>${t("outcome.parked")}</dt><dd>${number(sum((one) => one.outcomes.parked ?? 0))}</dd></div>
        <div><dt>${t("readings")}</dt><dd>${number(sum((one) => one.readings))}</dd></div>
        <div><dt>${t("refused.readings")}</dt><dd>${number(sum((one) => one.refused))}</dd></div>
      </dl>
      ${points.length > 1 ? html`<${Chart} points=${points} label=${t("rate")} unit="/s" least=${0} />` : null}
      <${Table} caption=${t("ledger")} heads=${[t("partition"), t("rate"), t("lag"), t("counted"), t("accepted"), ...OUTCOMES.map((one) => t(`outcome.${one}`)), t("balanced")]}
        rows=${
          data &&
          data.partitions.map((one) => [
            html`<code>${one.id}</code>`,
            unit(rates[one.id] ?? 0, "/s", 1),
            unit(lag(one), "s", 1),
            html`<${Ago} at=${one.countedAt} />`,
            number(one.accepted),
            ...OUTCOMES.map((outcome) => number(one.outcomes[outcome] ?? 0)),
            html`<span class=${one.balanced ? "met" : "unmet"}>${t(one.balanced ? "yes" : "no")}</span>`,
          ])
        } />
    </section>
    <${Parked} partitions=${data?.partitions ?? []} />`;
}

const lag = ({ enqueuedAt, countedAt }) =>
  enqueuedAt && countedAt ? Math.max(0, Date.parse(countedAt) - Date.parse(enqueuedAt)) / 1000 : null;

function worst(partitions) {
  const lags = (partitions ?? []).map(lag).filter((one) => one !== null);
  return lags.length ? unit(Math.max(...lags), "s", 1) : "–";
}

/** Events a second by partition since the look before, and in all over the last looks. */
function useRates(data) {
  const before = useRef(null),
    [found, setFound] = useState({ rates: {}, points: [] });
  useEffect(() => {
    if (!data) return;
    const last = before.current;
    before.current = data;
    if (!last) return;
    const seconds = (data.at - last.at) / 1000;
    const known = Object.fromEntries(last.partitions.map(({ id, accepted }) => [id, accepted]));
    const rates = Object.fromEntries(
      data.partitions.map(({ id, accepted }) => [id, Math.max(0, accepted - (known[id] ?? 0)) / seconds]),
    );
    const total = Object.values(rates).reduce((a, b) => a + b, 0);
    setFound(({ points }) => ({ rates, points: [...points, [data.at / 1000, total]].slice(-KEPT) }));
  }, [data]);
  return found;
}

function Parked({ partitions }) {
  const [sought, setSought] = useState({ reason: "", device: "", day: "" });
  const [cursors, setCursors] = useState([null]);
  const { data, problem, reload } = useLoad(
    () => get(`parked${asked({ ...sought, limit: 25, cursor: cursors.at(-1) })}`),
    [JSON.stringify(sought), cursors.at(-1)],
  );
  const [opened, setOpened] = useState(null);
  const read = useAction(async (name) => setOpened(await get(`parked/${encodeURIComponent(name)}`)));
  const replay = useAction(async (name) => {
    const done = name ? await replayOne(name) : await replayAll(sought);
    await reload();
    return done;
  });
  const reasons = partitions.reduce((found, one) => {
    for (const [reason, count] of Object.entries(one.reasons)) found[reason] = (found[reason] ?? 0) + count;
    return found;
  }, {});
  const change = (name) => (event) => {
    setCursors([null]);
    setSought({ ...sought, [name]: event.target.value.trim() });
  };
  return html`<section aria-labelledby="parked"><h2 id="parked">${t("parked")}</h2>
    <form class="asking" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${Field} label=${t("reason")}><select value=${sought.reason} onChange=${change("reason")}><option value="">${t("any")}</option>
        ${Object.entries(reasons)
          .sort()
          .map(
            ([reason, count]) => html`<option value=${reason}>${named("problem", reason)} (${number(count)})</option>`,
          )}</select><//>
      <${Field} label=${t("device")}><input defaultValue=${sought.device} onChange=${change("device")} autocomplete="off" /><//>
      <${Field} label=${t("day")}><input type="date" defaultValue=${sought.day} onChange=${change("day")} /><//>
      <button type="button" onClick=${reload}>${t("refresh")}</button>
      <${Sure} onSure=${() => replay.run()} disabled=${replay.busy}>${t("replay.all")}<//>
    </form>
    <${Trouble} problem=${problem ?? read.problem ?? replay.problem} />
    ${replay.done ? html`<p role="status" class="replayed">${replayed(replay.done)}</p>` : null}
    <${Table} caption=${t("parked")} empty=${t("parked.none")} heads=${[t("at"), t("reason"), t("device"), t("detail"), t("replayed"), ""]}
      rows=${
        data &&
        data.items.map(({ name, at, reason, device, detail, replayedAt }) => [
          html`<${When} at=${at} />`,
          named("problem", reason),
          device,
          detail,
          html`<${When} at=${replayedAt} />`,
          html`<button type="button" onClick=${() => read.run(name)}>${t("read")}</button> <button type="button" disabled=${replay.busy} onClick=${() => replay.run(name)}>${t("replay")}</button>`,
        ])
      } />
    <${Pages} cursors=${cursors} next=${data?.cursor} onTurn=${setCursors} />
    ${
      opened
        ? html`<article class="card"><h3>${opened.name}</h3><pre tabindex="0" aria-label=${t("text")}>${opened.body ?? opened.bodyBase64}</pre>
      <button type="button" onClick=${() => setOpened(null)}>${t("close")}</button></article>`
        : null
    }
  </section>`;
}

async function replayOne(name) {
  const { outcome } = await call("POST", `parked/${encodeURIComponent(name)}/replay`);
  return { outcomes: { [outcome]: 1 }, more: false };
}

/** All that fits, some hundred at once. */
const replayAll = (sought) =>
  post("parked/replay", Object.fromEntries(Object.entries(sought).filter(([, value]) => value)));

function replayed({ outcomes, more }) {
  const told = Object.entries(outcomes).map(([outcome, count]) => `${named("outcome", outcome)} ${count}`);
  return `${t("replayed")}: ${told.join(", ") || t("none")}${more ? ` · ${t("replay.more")}` : ""}`;
}

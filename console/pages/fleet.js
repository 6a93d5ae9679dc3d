// The map: where the vehicles are, as they move; and, for a person, getting another one.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, query as asked } from "../api.js";
import { MOST } from "../live.js";
import { fit, VehicleMap } from "../map.js";
import { freshnessOf } from "../shapes.js";
import { Ago, Field, Fresh, html, said, Trouble, useAction, useLive, useLoad } from "../ui.js";
import { number, t, unit } from "../words.js";

const LISTED = 100;
/** Pages of vehicles whose names are read. */
const NAMED = 20;

export function Fleet({ me, live, thresholds }) {
  useLive(live, 1000);
  const [chosen, setChosen] = useState(null);
  const [wanted, setWanted] = useState({ text: "", freshness: "" });
  const { data: names, reload } = useLoad(() => (me.kind === "operator" ? everyName() : ownNames()), []);
  const map = useRef(null);
  const all = [...live.vehicles.values()].map((item) => ({
    ...item,
    ...names?.get(item.vehicleId),
    freshness: freshnessOf(item.lastSeenAt, thresholds),
  }));
  const text = wanted.text.toLowerCase();
  const found = all
    .filter((item) => !wanted.freshness || item.freshness === wanted.freshness)
    .filter((item) => [item.vehicleId, item.vin, item.model].some((name) => name?.toLowerCase().includes(text)))
    .sort((a, b) => (a.vehicleId < b.vehicleId ? -1 : 1));
  const choose = (id, fly) => {
    setChosen(id);
    const place = live.vehicles.get(id)?.place;
    if (fly && place)
      map.current?.easeTo({ center: [place.longitude, place.latitude], zoom: Math.max(map.current.getZoom(), 13) });
  };
  const ready = ({ map: made }) => {
    map.current = made;
    fit(made, placesOf(live));
  };
  return html`
    <section class="list" aria-labelledby="vehicles">
      <h1 id="vehicles">${t(me.kind === "operator" ? "fleet" : "fleet.own")}</h1>
      <p class="quiet" role="status">${counted(all)}${live.complete ? null : ` ${t("fleet.part", { most: number(MOST) })}`}</p>
      <form role="search" onSubmit=${(event) => event.preventDefault()}>
        <${Field} label=${t("fleet.search")}><input type="search" value=${wanted.text}
          onInput=${(event) => setWanted({ ...wanted, text: event.target.value })} /><//>
        <${Field} label=${t("freshness")}><select value=${wanted.freshness}
          onChange=${(event) => setWanted({ ...wanted, freshness: event.target.value })}>
          <option value="">${t("any")}</option>
          ${["live", "stale", "offline"].map((one) => html`<option value=${one}>${t(`freshness.${one}`)}</option>`)}
        </select><//>
      </form>
      <ul class="vehicles">${listed(found, chosen).map(
        (item) => html`<${Row} key=${item.vehicleId} item=${item}
        chosen=${item.vehicleId === chosen} onChoose=${() => choose(item.vehicleId, true)} />`,
      )}</ul>
      ${found.length > LISTED ? html`<p class="quiet">${t("fleet.more", { count: number(found.length - LISTED) })}</p>` : null}
      ${me.kind === "user" ? html`<${Another} onDone=${reload} />` : null}
    </section>
    <${VehicleMap} live=${live} thresholds=${thresholds} chosen=${chosen} onChoose=${(id) => choose(id, false)} onReady=${ready} />`;
}

/** The first of them, and the chosen one wherever it stands. */
function listed(found, chosen) {
  const first = found.slice(0, LISTED);
  const beyond = found.slice(LISTED).filter((item) => item.vehicleId === chosen);
  return [...beyond, ...first];
}

function Row({ item, chosen, onChoose }) {
  const element = useRef(null);
  useEffect(() => {
    if (chosen) element.current.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return html`<li ref=${element}><button type="button" class="row" aria-pressed=${chosen} onClick=${onChoose} data-vehicle=${item.vehicleId}>
    <span><strong>${item.model ?? item.vehicleId}</strong> <small class="quiet">${item.vin ?? ""}</small></span>
    <span><${Fresh} of=${item.freshness} /> ${doing(item)}</span>
  </button>${chosen ? html`<${Card} item=${item} />` : null}</li>`;
}

function Card({ item }) {
  return html`<article class="card">
    <h2><a href="#/vehicles/${encodeURIComponent(item.vehicleId)}">${item.model ?? item.vehicleId}</a></h2>
    <dl>
      <dt>${t("vehicle.id")}</dt><dd><code>${item.vehicleId}</code></dd>
      <dt>${t("seen")}</dt><dd><${Ago} at=${item.lastSeenAt} /> <${Fresh} of=${item.freshness} /></dd>
      <dt>${t("speed")}</dt><dd>${unit(item.speed, "km/h")}</dd>
      <dt>${t("charge")}</dt><dd>${unit(item.charge, "%", 1)}</dd>
      <dt>${t("place")}</dt><dd class="place">${item.place ? `${number(item.place.latitude, 5)} / ${number(item.place.longitude, 5)}` : "–"}</dd>
      <dt>${t("privacy")}</dt><dd>${t(`mode.${item.privacy}`)}</dd>
    </dl>
    <p><a class="button" href="#/vehicles/${encodeURIComponent(item.vehicleId)}">${t("vehicle.open")}</a></p>
  </article>`;
}

/** Claiming a vehicle by its code, and accepting an invitation. */
function Another({ onDone }) {
  const claim = useAction(async (form) => {
    await post("me/vehicles", said(form));
    onDone();
  });
  const accept = useAction(async (form) => {
    await post("me/invitations", said(form));
    onDone();
  });
  const submit = (action) => (event) => {
    event.preventDefault();
    action.run(event.target);
  };
  return html`<details class="another"><summary>${t("another")}</summary>
    <form onSubmit=${submit(claim)}>
      <${Field} label=${t("vin")}><input name="vin" required maxlength="32" autocomplete="off" /><//>
      <${Field} label=${t("claim.code")}><input name="code" required maxlength="64" autocomplete="off" /><//>
      <button>${t("claim")}</button><${Trouble} problem=${claim.problem} />${claim.done ? html`<p role="status">${t("done")}</p>` : null}
    </form>
    <form onSubmit=${submit(accept)}>
      <${Field} label=${t("invitation.token")}><input name="token" required autocomplete="off" /><//>
      <button>${t("invitation.accept")}</button><${Trouble} problem=${accept.problem} />${accept.done ? html`<p role="status">${t("done")}</p>` : null}
    </form>
  </details>`;
}

function counted(all) {
  const of = (freshness) => number(all.filter((item) => item.freshness === freshness).length);
  return t("fleet.count", { count: number(all.length), live: of("live"), stale: of("stale"), offline: of("offline") });
}

function doing(item) {
  if (item.charging) return `${t("charging")} ${unit(item.charge, "%")}`;
  return item.moving ? unit(item.speed, "km/h") : t("standing");
}

const placesOf = (live) =>
  [...live.vehicles.values()].filter(({ place }) => place).map(({ place }) => [place.longitude, place.latitude]);

async function everyName() {
  const found = new Map();
  let cursor = null;
  for (let page = 0; page < NAMED; page++) {
    const { items, cursor: rest } = await get(`vehicles${asked({ limit: 100, cursor })}`);
    for (const { id, vin, model } of items) found.set(id, { vin, model });
    cursor = rest;
    if (cursor === null) break;
  }
  return found;
}

async function ownNames() {
  const { items } = await get("me/vehicles");
  return new Map(items.map(({ vehicle: { id, vin, model } }) => [id, { vin, model }]));
}

// One vehicle: what it reports now and over time, where it went, its geofences, its people.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, put, query as asked } from "../api.js";
import { Chart } from "../chart.js";
import { fit, show, VehicleMap } from "../map.js";
import { Ago, Field, Fresh, html, Loading, Table, Trouble, useAction, useLoad, useTick, When } from "../ui.js";
import { duration, named, number, t, unit } from "../words.js";
import { Fences } from "./fences.js";
import { People } from "./people.js";

const BATTERY = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed";
const SPANS = { hour: 3_600, day: 86_400, week: 604_800 };
const POINTS = 300;

export function Vehicle({ id, me, live, thresholds }) {
  const path = `vehicles/${encodeURIComponent(id)}`;
  const vehicle = useLoad(() => get(path), [path]);
  const state = useLoad(() => get(`${path}/state`), [path]);
  const [made, setMade] = useState(null);
  useFollowed(live, id, state.reload);
  const ready = (found) => {
    setMade(found);
    const place = live.vehicles.get(id)?.place;
    if (place) found.map.jumpTo({ center: [place.longitude, place.latitude], zoom: 12 });
  };
  if (vehicle.problem) return html`<h1>${t("vehicle")}</h1><${Trouble} problem=${vehicle.problem} />`;
  if (!vehicle.data) return html`<${Loading} />`;
  const { model, modelYear, vin, status, capabilities } = vehicle.data;
  return html`<div class="columns">
    <div>
      <h1>${model} <small class="quiet">${modelYear}</small></h1>
      <p class="quiet">${t("vin")} <code>${vin}</code> · <code>${id}</code> · ${named("status", status)}</p>
      ${
        me.kind === "operator"
          ? html`<p><a href="#/decisions?vehicle=${encodeURIComponent(id)}">${t("page.decisions")}</a> ·
        <a href="#/notifications?vehicle=${encodeURIComponent(id)}">${t("page.notifications")}</a></p>`
          : null
      }
      <${Now} state=${state} path=${path} capabilities=${capabilities} />
      <${Charts} path=${path} />
      <${Branches} state=${state.data} />
      <${People} path=${path} me=${me} />
    </div>
    <div>
      <${VehicleMap} live=${live} thresholds=${thresholds} only=${id} onReady=${ready} label=${t("vehicle.map")} />
      <${Trips} path=${path} made=${made} />
      <${Fences} path=${path} made=${made} place=${live.vehicles.get(id)?.place} />
    </div>
  </div>`;
}

/** Call back when the live view saw the vehicle anew, once a second at most. */
function useFollowed(live, id, again) {
  useEffect(() => {
    let timer = 0;
    const changed = ({ detail }) => {
      if (detail.has(id))
        timer ||= setTimeout(() => {
          timer = 0;
          again();
        }, 1000);
    };
    live.addEventListener("change", changed);
    return () => {
      clearTimeout(timer);
      live.removeEventListener("change", changed);
    };
  }, [live, id, again]);
}

function Now({ state: { data, problem, reload }, path, capabilities }) {
  if (!data) return html`<${Trouble} problem=${problem} />`;
  return html`<section aria-labelledby="now"><h2 id="now">${t("now")}</h2>
    <${Trouble} problem=${problem} />
    <dl>
      <dt>${t("seen")}</dt><dd><${Ago} at=${data.lastSeenAt} /> <${Fresh} of=${data.freshness} /></dd>
      <dt>${t("connected")}</dt><dd>${data.connected === null ? "–" : t(data.connected ? "yes" : "no")}</dd>
      <dt>${t("gaps")}</dt><dd>${t("gaps.told", data.sequence)}</dd>
      ${data.quarantined ? html`<dt>${t("quarantined")}</dt><dd><strong>${t("yes")}</strong></dd>` : null}
      <dt>${t("capabilities")}</dt><dd>${capabilities.join(", ") || "–"}</dd>
      <dt>${t("episodes")}</dt><dd>${
        data.episodes.length
          ? html`<ul class="plain">${data.episodes.map(({ rule, since }) => html`<li><strong>${named("kind", rule)}</strong> <${Ago} at=${since} /></li>`)}</ul>`
          : t("none")
      }</dd>
      <dt>${t("privacy")}</dt><dd><${Privacy} path=${path} mode=${data.privacy} onDone=${reload} /></dd>
    </dl></section>`;
}

function Privacy({ path, mode, onDone }) {
  const { run, busy, problem } = useAction(async (wanted) => {
    await put(`${path}/privacy`, { mode: wanted });
    setTimeout(onDone, 3000);
  });
  return html`<span><select aria-label=${t("privacy")} value=${mode} disabled=${busy} onChange=${(event) => run(event.target.value)}>
    ${["full", "no_position", "offline"].map((one) => html`<option value=${one}>${t(`mode.${one}`)}</option>`)}</select>
    <${Trouble} problem=${problem} /></span>`;
}

function Trips({ path, made }) {
  const { data, problem, reload } = useLoad(
    () => get(`${path}/trips${asked({ from: ago(SPANS.week), limit: 20 })}`),
    [path],
    15_000,
  );
  const [shown, setShown] = useState(null);
  const action = useAction(async (id) => {
    const trip = await get(`${path}/trips/${id}`);
    setShown(id);
    show(made.map, "trip", trip.geometry ? [trip] : []);
    if (trip.geometry) fit(made.map, trip.geometry.coordinates, 15);
    return trip;
  });
  const hide = () => {
    setShown(null);
    show(made.map, "trip", []);
  };
  return html`<section aria-labelledby="trips"><h2 id="trips">${t("trips")}</h2>
    <${Trouble} problem=${problem ?? action.problem} />
    ${
      data
        ? html`<${Table} caption=${t("trips")} empty=${t("trips.none")}
      heads=${[t("begun"), t("duration"), t("distance"), t("energy"), ""]}
      rows=${data.items.map((trip) => [
        html`<${When} at=${trip.startedAt} />`,
        duration(trip.duration),
        unit(trip.distance / 1000, "km", 1),
        unit(trip.energy, "kWh", 1),
        trip.id === shown
          ? html`<button type="button" onClick=${hide}>${t("trip.hide")}</button>`
          : html`<button type="button" disabled=${!made} onClick=${() => action.run(trip.id)}>${t("trip.show")}</button>`,
      ])} />`
        : null
    }
    ${shown && action.done && !action.done.geometry ? html`<p class="quiet" role="status">${t("trip.no_line")}</p>` : null}
    <button type="button" onClick=${reload}>${t("refresh")}</button></section>`;
}

function Charts({ path }) {
  const [span, setSpan] = useState("hour");
  return html`<section aria-labelledby="over-time"><h2 id="over-time">${t("over_time")}</h2>
    <${Field} label=${t("span")}><select value=${span} onChange=${(event) => setSpan(event.target.value)}>
      ${Object.keys(SPANS).map((name) => html`<option value=${name}>${t(`span.${name}`)}</option>`)}</select><//>
    <${Series} key=${`speed ${span}`} path=${path} signal="Vehicle.Speed" label=${t("speed")} unit="km/h" span=${SPANS[span]} />
    <${Series} key=${`charge ${span}`} path=${path} signal=${BATTERY} label=${t("charge")} unit="%" span=${SPANS[span]} />
  </section>`;
}

function Series({ path, signal, label, unit: name, span }) {
  const wanted = () =>
    asked({ path: signal, from: ago(span), resolution: Math.max(1, Math.round(span / POINTS)), limit: 1000 });
  const { data, problem } = useLoad(() => get(`${path}/history${wanted()}`), [path, signal, span], 10_000);
  const points = useMemo(
    () => data?.points.map(({ at, mean, value }) => [Date.parse(at) / 1000, mean ?? value]),
    [data],
  );
  if (problem) return html`<${Trouble} problem=${problem} />`;
  return points ? html`<${Chart} points=${points} label=${label} unit=${name} least=${0} />` : html`<${Loading} />`;
}

/** The newest readings, by branch of the vocabulary. */
function Branches({ state }) {
  const now = useTick(5000);
  const open = useRef(new Set(["Powertrain"]));
  if (!state) return null;
  const branches = Map.groupBy(Object.entries(state.signals), ([path]) => path.split(".").slice(1, -1)[0] ?? "Vehicle");
  const toggled = (branch) => (event) => (event.target.open ? open.current.add(branch) : open.current.delete(branch));
  return html`<section aria-labelledby="state" data-at=${now}><h2 id="state">${t("state")}</h2>
    ${[...branches].map(
      ([branch, readings]) => html`<details key=${branch} open=${open.current.has(branch)} onToggle=${toggled(branch)}>
      <summary>${branch} <span class="quiet">${number(readings.length)}</span></summary>
      <${Table} caption=${branch} heads=${[t("signal"), t("value"), t("age"), t("freshness")]} rows=${readings.map(
        ([path, { value, at, freshness }]) => [
          html`<code>${path.split(".").slice(1).join(".")}</code>`,
          html`<span class="value">${written(value)}</span>`,
          html`<${Ago} at=${at} />`,
          html`<${Fresh} of=${freshness} />`,
        ],
      )} /></details>`,
    )}
  </section>`;
}

const written = (value) =>
  Array.isArray(value)
    ? value.join(", ")
    : typeof value === "number"
      ? number(value, 6)
      : typeof value === "boolean"
        ? t(value ? "yes" : "no")
        : value;

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

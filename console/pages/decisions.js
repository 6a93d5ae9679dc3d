// May somebody use something, and why.
import { useState } from "preact/hooks";
import { get, query as asked } from "../api.js";
import { Field, html, Table, Trouble, useAction, useLoad, When } from "../ui.js";
import { named, t } from "../words.js";

const VIN_BEGINS = /^[A-HJ-NPR-Z0-9]{5,17}$/;
const ID = /^veh-[0-9a-f]{32}$/;

export function Decisions({ query }) {
  const [vehicle, setVehicle] = useState(query.vehicle ?? "");
  const { data: catalog, problem } = useLoad(() => get("catalog"), []);
  const vin = VIN_BEGINS.test(vehicle) ? vehicle : null;
  const { data: known } = useLoad(() => get(`vehicles${asked({ limit: 20, vin })}`), [vin]);
  const picked =
    known?.items.find(({ id, vin }) => [id, vin].includes(vehicle))?.id ?? (ID.test(vehicle) ? vehicle : null);
  const people = useLoad(() => (picked ? peopleOf(picked) : []), [picked]);
  const ask = useAction(async (form) => {
    const { user, feature, use } = Object.fromEntries(new FormData(form));
    const path = `vehicles/${encodeURIComponent(picked ?? vehicle)}/entitlements/${encodeURIComponent(feature)}`;
    return await get(path + asked({ userId: user, use, explain: "true" }));
  });
  return html`<h1>${t("page.decisions")}</h1>
    <p>${t("decision.about")}</p>
    <form class="asking" onSubmit=${(event) => {
      event.preventDefault();
      ask.run(event.target);
    }}>
      <${Field} label=${t("decision.vehicle")}><input name="vehicle" list="known" required value=${vehicle} autocomplete="off"
        onInput=${(event) => setVehicle(event.target.value.trim())} /><//>
      <datalist id="known">${(known?.items ?? []).map(({ id, vin, model }) => html`<option value=${id}>${model} ${vin}</option>`)}</datalist>
      <${Field} label=${t("decision.person")}><input name="user" list="people" autocomplete="off" /><//>
      <datalist id="people">${(people.data ?? []).map(({ userId, role }) => html`<option value=${userId}>${named("role", role)}</option>`)}</datalist>
      <${Field} label=${t("decision.feature")}><select name="feature" required>
        ${(catalog?.features ?? []).map(({ id, name }) => html`<option value=${id}>${name || id}</option>`)}</select><//>
      <${Field} label=${t("decision.use")}><select name="use"><option value="read">${t("use.read")}</option><option value="command">${t("use.command")}</option></select><//>
      <button class="primary" disabled=${ask.busy}>${t("decision.ask")}</button>
    </form>
    <${Trouble} problem=${problem ?? ask.problem} />
    ${ask.done ? html`<${Decision} decision=${ask.done} />` : null}`;
}

export function Decision({ decision: d }) {
  return html`<section class="decision card ${d.allowed ? "allowed" : "refused"}" aria-live="polite">
    <h2>${t(d.allowed ? "allowed" : "refused")} <code>${d.feature}</code></h2>
    ${d.reasons.length ? html`<h3>${t("reasons")}</h3><ul>${d.reasons.map((reason) => html`<li><strong>${named("reason", reason)}</strong> <code class="quiet">${reason}</code></li>`)}</ul>` : null}
    <h3>${t("needs")}</h3>
    <${Table} caption=${t("needs")} heads=${[t("need"), t("wanted"), t("found"), ""]} rows=${(d.needs ?? []).map(
      ({ need, wanted, found, met }) => [
        named("need", need),
        html`<code>${written(wanted)}</code>`,
        html`<code>${written(found)}</code>`,
        html`<span class=${met ? "met" : "unmet"}>${t(met ? "met" : "unmet")}</span>`,
      ],
    )} />
    <dl><dt>${t("valid_until")}</dt><dd><${When} at=${d.validUntil} /></dd>
      ${d.graceUntil ? html`<dt>${t("grace_until")}</dt><dd><${When} at=${d.graceUntil} /></dd>` : null}
      <dt>${t("cache_for")}</dt><dd>${d.cacheFor} s${d.stale ? ` · ${t("stale")}` : ""}</dd>
      ${d.config ? html`<dt>${t("config")}</dt><dd><code>${written(d.config)}</code></dd>` : null}</dl>
  </section>`;
}

async function peopleOf(id) {
  try {
    return (await get(`vehicles/${encodeURIComponent(id)}/members`)).items;
  } catch {
    return []; // the answer to the question itself says what is wrong
  }
}

const written = (value) =>
  value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);

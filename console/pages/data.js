// What is held about a person: being given it, and being forgotten.
import { useState } from "preact/hooks";
import { call, get, post, Problem } from "../api.js";
import { signOut } from "../session.js";
import { html, Sure, Table, Trouble, useAction, useLoad, When } from "../ui.js";
import { named, t } from "../words.js";

const PURPOSE = "history";
/** How often it is looked whether an export is there, a second apart. */
const LOOKS = 300;

export function Data({ me }) {
  const [waiting, setWaiting] = useState(false);
  const ask = useAction(async () => {
    setWaiting(true);
    try {
      return await finished((await post("me/export")).id);
    } finally {
      setWaiting(false);
    }
  });
  const erase = useAction(async () => {
    await call("DELETE", "me");
    await signOut();
  });
  return html`<h1>${t("page.data")}</h1>
    <section aria-labelledby="held"><h2 id="held">${t("held")}</h2><p>${t("held.about")}</p>
      <button type="button" class="primary" disabled=${waiting} onClick=${() => ask.run()}>${t("held.ask")}</button>
      ${waiting ? html`<p role="status">${t("held.waiting")}</p>` : null}
      ${ask.done?.url ? html`<p role="status"><a class="button" href=${ask.done.url} target="_blank" rel="noopener">${t("held.fetch")}</a> ${t("until")} <${When} at=${ask.done.urlExpiresAt} /></p>` : null}
      <${Trouble} problem=${ask.problem} /></section>
    <${Consents} />
    <section aria-labelledby="erase"><h2 id="erase">${t("erase")}</h2><p>${t("erase.about", { subject: me.subject })}</p>
      <${Sure} class="danger" onSure=${erase.run}>${t("erase")}<//><${Trouble} problem=${erase.problem} /></section>`;
}

async function finished(id) {
  for (let look = 0; look < LOOKS; look++) {
    const found = await get(`me/export/${encodeURIComponent(id)}`);
    if (found.url) return found;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Problem(0, "unavailable", "");
}

function Consents() {
  const { data, problem } = useLoad(async () => {
    const { items } = await get("me/vehicles");
    return await Promise.all(
      items.map(async ({ vehicle, access }) => {
        const { versions } = await get(`vehicles/${encodeURIComponent(vehicle.id)}/consents/${PURPOSE}`);
        return { vehicle, access, consent: versions.at(-1) };
      }),
    );
  }, []);
  return html`<section aria-labelledby="access"><h2 id="access">${t("access")}</h2><${Trouble} problem=${problem} />
    <${Table} caption=${t("access")} heads=${[t("vehicle"), t("role"), t("since"), t("consent.history")]} rows=${
      data &&
      data.map(({ vehicle, access, consent }) => [
        html`<a href="#/vehicles/${encodeURIComponent(vehicle.id)}">${vehicle.model}</a> <code>${vehicle.vin}</code>`,
        named("role", access.role),
        html`<${When} at=${access.since} />`,
        consent
          ? t(consent.granted ? "consent.granted" : "consent.refused", { days: consent.days })
          : t("consent.none"),
      ])
    } /></section>`;
}

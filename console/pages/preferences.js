// How a person wants to be told, and where mail goes.
import { get, post, put } from "../api.js";
import { Field, html, Loading, said, Trouble, useAction, useLoad } from "../ui.js";
import { named, t } from "../words.js";

const CHANNELS = ["inbox", "email", "push"];
const KINDS = [
  "*",
  "battery_low",
  "charging_complete",
  "geofence_entered",
  "geofence_left",
  "trouble_code_opened",
  "left_open",
  "moving_while_off",
  "silent",
  "rule_triggered",
];

export function Preferences() {
  const { data, problem, reload } = useLoad(() => get("me/preferences"), []);
  const save = useAction(async (form) => {
    await put("me/preferences", preferences(form));
    await reload();
  });
  const test = useAction(() => post("me/notifications/test"));
  if (!data)
    return html`<h1>${t("page.preferences")}</h1>${problem ? html`<${Trouble} problem=${problem} />` : html`<${Loading} />`}`;
  const { said: own, holds } = data;
  const kinds = [...new Set([...KINDS, ...Object.keys(holds.channels), ...Object.keys(own.channels)])];
  return html`<h1>${t("page.preferences")}</h1>
    <${Contact} />
    <section aria-labelledby="telling"><h2 id="telling">${t("telling")}</h2>
    <form onSubmit=${(event) => {
      event.preventDefault();
      save.run(event.target);
    }}>
      <${Field} label=${t("language")}><select name="locale">${options(own.locale ?? "", [
        ["", t("as_brand")],
        ["en", "English"],
        ["de", "Deutsch"],
      ])}</select><//>
      <${Field} label=${t("zone")}><input name="zone" list="zones" defaultValue=${own.zone ?? ""} placeholder=${holds.zone ?? ""} autocomplete="off" /><//>
      <datalist id="zones">${Intl.supportedValuesOf("timeZone").map((zone) => html`<option defaultValue=${zone} />`)}</datalist>
      <fieldset><legend>${t("quiet_hours")}</legend>
        <${Field} label=${t("from")}><input type="time" name="from" defaultValue=${own.quietHours?.from ?? ""} /><//>
        <${Field} label=${t("until")}><input type="time" name="until" defaultValue=${own.quietHours?.until ?? ""} /><//></fieldset>
      <${Field} label=${t("digest_at")}><input type="time" name="digest" defaultValue=${own.digestAt ?? ""} /><//>
      <div class="scroll" tabindex="0" role="region" aria-label=${t("channels")}><table><caption class="hidden">${t("channels")}</caption>
        <thead><tr><th scope="col">${t("kind")}</th>${CHANNELS.map((channel) => html`<th scope="col">${named("channel", channel)}</th>`)}</tr></thead>
        <tbody>${kinds.map(
          (kind) =>
            html`<tr><th scope="row">${kind === "*" ? t("kinds.all") : named("kind", kind)}</th>${CHANNELS.map(
              (channel) => html`<td>
          <select name="${kind} ${channel}" aria-label="${named("kind", kind)}, ${named("channel", channel)}">${options(
            String(own.channels[kind]?.[channel] ?? ""),
            [
              ["", t("as_brand")],
              ["true", t("yes")],
              ["false", t("no")],
            ],
          )}</select></td>`,
            )}</tr>`,
        )}</tbody>
      </table></div>
      ${data.keptOn.length ? html`<p class="quiet">${t("kept_on")} ${data.keptOn.map((kind) => named("kind", kind)).join(", ")}</p>` : null}
      <${Trouble} problem=${save.problem} />
      <button class="primary" disabled=${save.busy}>${t("save")}</button> ${save.done ? html`<span role="status">${t("saved")}</span>` : null}
    </form></section>
    <section aria-labelledby="test"><h2 id="test">${t("test")}</h2><p>${t("test.about")}</p>
      <button type="button" onClick=${() => test.run()} disabled=${test.busy}>${t("test.send")}</button>
      <${Trouble} problem=${test.problem} />${test.done ? html`<p role="status">${t("done")}</p>` : null}</section>`;
}

/** Of a select that shows what is stored until somebody chooses another: one with a value would go back to it. */
const options = (stored, found) =>
  found.map(([value, text]) => html`<option value=${value} selected=${value === stored}>${text}</option>`);

function preferences(form) {
  const { locale, zone, from, until, digest, ...choices } = said(form);
  const channels = {};
  for (const [name, choice] of Object.entries(choices)) {
    const [kind, channel] = name.split(" ");
    if (choice) (channels[kind] ??= {})[channel] = choice === "true";
  }
  const quietHours = from && until ? { from, until } : null;
  return { locale: locale || null, zone: zone || null, quietHours, digestAt: digest || null, channels };
}

function Contact() {
  const { data, problem, reload } = useLoad(() => get("me/contact"), []);
  const save = useAction(async (body) => {
    await put("me/contact", body);
    await reload();
  });
  if (!data) return html`<${Trouble} problem=${problem} />`;
  const submit = (event) => {
    event.preventDefault();
    const { email, code } = said(event.target);
    save.run(code ? { email: data.pending, code } : { email: email || null });
  };
  return html`<section aria-labelledby="contact"><h2 id="contact">${t("contact")}</h2>
    <p>${data.email ? t("contact.is", { email: data.email }) : t("contact.none")}</p>
    <form class="asking" onSubmit=${submit}><${Field} label=${t("email")}><input type="email" name="email" defaultValue=${data.email ?? ""} autocomplete="email" /><//><button>${t("save")}</button></form>
    ${data.pending ? html`<form class="asking" onSubmit=${submit}><${Field} label=${t("contact.code", { email: data.pending })}><input name="code" required autocomplete="one-time-code" /><//><button>${t("verify")}</button></form>` : null}
    <${Trouble} problem=${save.problem} /></section>`;
}

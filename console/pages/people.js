// Who may use a vehicle: its people, guests and invitations.
import { useState } from "preact/hooks";
import { drop, get, post } from "../api.js";
import { Field, html, said, Sure, Table, Trouble, useAction, useLoad, When } from "../ui.js";
import { named, t } from "../words.js";

export function People({ path, me }) {
  const { data, problem, reload } = useLoad(() => get(`${path}/members`), [path]);
  const [token, setToken] = useState(null);
  const remove = useAction(async (what) => {
    await drop(`${path}/${what}`);
    await reload();
  });
  const invite = useAction(async (form) => {
    const { role, ends } = said(form);
    const body = role === "guest" ? { role, endsAt: new Date(ends).toISOString() } : { role };
    setToken((await post(`${path}/invitations`, body)).token);
    form.reset();
    await reload();
  });
  if (problem?.status === 403) return html`<${Leave} path=${path} me=${me} />`;
  return html`<section aria-labelledby="people"><h2 id="people">${t("people")}</h2>
    <${Trouble} problem=${problem ?? remove.problem} />
    <${Table} caption=${t("people")} heads=${[t("person"), t("role"), t("until"), ""]} rows=${
      data && [
        ...data.items.map(({ userId, role, endsAt }) => [
          userId,
          named("role", role),
          html`<${When} at=${endsAt} />`,
          html`<${Sure} onSure=${() => remove.run(`members/${encodeURIComponent(userId)}`)}>${t("remove")}<//>`,
        ]),
        ...data.invitations.map(({ id, role, endsAt }) => [
          html`<em>${t("invited")}</em>`,
          named("role", role),
          html`<${When} at=${endsAt} />`,
          html`<${Sure} onSure=${() => remove.run(`invitations/${encodeURIComponent(id)}`)}>${t("withdraw")}<//>`,
        ]),
      ]
    } />
    <details><summary>${t("invite")}</summary>
      <form onSubmit=${(event) => {
        event.preventDefault();
        invite.run(event.target);
      }}>
        <${Field} label=${t("role")}><select name="role"><option value="guest">${t("role.guest")}</option><option value="secondary">${t("role.secondary")}</option></select><//>
        <${Field} label=${t("invite.until")}><input type="datetime-local" name="ends" defaultValue=${soon()} /><//>
        <button disabled=${invite.busy}>${t("invite")}</button><${Trouble} problem=${invite.problem} />
      </form></details>
    ${token ? html`<p role="status">${t("invite.token")} <code class="token">${token}</code></p>` : null}
  </section>`;
}

function Leave({ path, me }) {
  const leave = useAction(async () => {
    await drop(`${path}/members/${encodeURIComponent(me.subject)}`);
    location.hash = "#/map";
  });
  return html`<section aria-labelledby="people"><h2 id="people">${t("people")}</h2><p class="quiet">${t("people.owner_only")}</p>
    <${Sure} onSure=${leave.run}>${t("leave")}<//><${Trouble} problem=${leave.problem} /></section>`;
}

/** Tomorrow, as such a field wants it: by the clock on the wall. */
function soon() {
  const at = new Date(Date.now() + 86_400_000);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

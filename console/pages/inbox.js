// A person's own notifications, as they come.
import { useEffect, useState } from "preact/hooks";
import { call, drop, get, query as asked } from "../api.js";
import { html, Loading, Trouble, useAction, When } from "../ui.js";
import { named, t } from "../words.js";
import { Trail } from "./notifications.js";

export function Inbox() {
  const [found, setFound] = useState({ items: null, cursor: null, problem: null });
  const [opened, setOpened] = useState(null);
  useEffect(() => {
    const stop = new AbortController();
    follow(stop.signal, setFound);
    return () => stop.abort();
  }, []);
  const change = (id, with_) =>
    setFound((before) => ({
      ...before,
      items: before.items.flatMap((item) => (item.id === id ? with_(item) : [item])),
    }));
  const read = useAction(async (id) => {
    await call("POST", `me/inbox/${id}/read`);
    change(id, (item) => [{ ...item, readAt: new Date().toISOString() }]);
  });
  const remove = useAction(async (id) => {
    await drop(`me/inbox/${id}`);
    change(id, () => []);
  });
  const all = useAction(async () => {
    await call("POST", "me/inbox/read");
    setFound((before) => ({
      ...before,
      items: before.items.map((item) => ({ ...item, readAt: item.readAt ?? new Date().toISOString() })),
    }));
  });
  const older = useAction(async () => {
    const page = await get(`me/inbox${asked({ limit: 25, cursor: found.cursor })}`);
    setFound((before) => ({ ...before, items: merged(before.items, page.items), cursor: page.cursor }));
  });
  if (!found.items)
    return html`<h1>${t("page.inbox")}</h1>${found.problem ? html`<${Trouble} problem=${found.problem} />` : html`<${Loading} />`}`;
  const unread = found.items.filter((item) => !item.readAt).length;
  return html`<h1>${t("page.inbox")} ${unread ? html`<small class="quiet">${t("unread", { count: unread })}</small>` : null}</h1>
    <${Trouble} problem=${found.problem ?? read.problem ?? remove.problem ?? all.problem ?? older.problem} />
    <button type="button" disabled=${!unread} onClick=${all.run}>${t("read.all")}</button>
    ${found.items.length ? null : html`<p class="quiet">${t("inbox.none")}</p>`}
    <ul class="items" aria-live="polite">${found.items.map(
      (item) => html`<li key=${item.id} class="card ${item.readAt ? "" : "unread"} ${item.urgency}">
      <h2>${item.title || named("kind", item.kind)}</h2>
      <p>${item.body}</p>
      <p class="quiet"><${When} at=${item.at} />${item.vehicleId ? html` · <a href="#/vehicles/${encodeURIComponent(item.vehicleId)}">${item.vehicleId}</a>` : null}</p>
      <p>${item.readAt ? null : html`<button type="button" onClick=${() => read.run(item.id)}>${t("read.one")}</button>`}
        <button type="button" aria-expanded=${opened === item.id} onClick=${() => setOpened(opened === item.id ? null : item.id)}>${t("trail")}</button>
        <button type="button" onClick=${() => remove.run(item.id)}>${t("delete")}</button></p>
      ${opened === item.id ? html`<${Trail} id=${item.notificationId} />` : null}
    </li>`,
    )}</ul>
    ${found.cursor ? html`<button type="button" onClick=${older.run}>${t("older")}</button>` : null}`;
}

/** The first page, and then what comes, until the signal says stop. */
async function follow(signal, setFound) {
  let mark = null;
  while (!signal.aborted) {
    try {
      const page = await get(`me/inbox${asked(mark === null ? { limit: 25 } : { after: mark })}`, { signal });
      const first = mark === null;
      mark = page.mark;
      setFound((before) => ({
        items: merged(page.items, before.items ?? []),
        cursor: first ? page.cursor : before.cursor,
        problem: null,
      }));
    } catch (problem) {
      if (signal.aborted || problem.status === 401) return;
      setFound((before) => ({ ...before, problem }));
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function merged(...lists) {
  const seen = new Map(
    lists
      .flat()
      .toReversed()
      .map((item) => [item.id, item]),
  );
  return [...seen.values()].sort((a, b) => b.at.localeCompare(a.at));
}

// The page: who is signed in, where one is, and what is shown there.
import { html } from "htm/preact";
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "./api.js";
import { Live } from "./live.js";
import { Data } from "./pages/data.js";
import { Decisions } from "./pages/decisions.js";
import { Fleet } from "./pages/fleet.js";
import { Inbox } from "./pages/inbox.js";
import { Notifications } from "./pages/notifications.js";
import { Operations } from "./pages/operations.js";
import { Preferences } from "./pages/preferences.js";
import { Vehicle } from "./pages/vehicle.js";
import { complete, configured, signIn, signOut, token } from "./session.js";
import { Trouble, useLive, useLoad } from "./ui.js";
import { choose, language, speak, t } from "./words.js";

const PAGES = {
  operator: { map: Fleet, decisions: Decisions, notifications: Notifications, operations: Operations },
  user: { map: Fleet, inbox: Inbox, preferences: Preferences, data: Data },
};

trust();

/** Only our own files may become scripts or workers; nothing may become markup from text. */
function trust() {
  const own = (url) => {
    if (new URL(url, location.href).origin === location.origin) return url;
    throw new TypeError("no script from elsewhere");
  };
  globalThis.trustedTypes?.createPolicy("default", { createScriptURL: own });
}

/** `#/vehicles/veh-1?x=y` as [["vehicles", "veh-1"], {x: "y"}]. */
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return [path.split("/").map(decodeURIComponent), Object.fromEntries(new URLSearchParams(query))];
}

function useRoute() {
  const [found, setFound] = useState(route);
  useEffect(() => {
    const moved = () => setFound(route());
    addEventListener("hashchange", moved);
    moved(); // it may have moved before anybody listened
    return () => removeEventListener("hashchange", moved);
  }, []);
  return found;
}

function App({ trouble }) {
  const [spoken, setSpoken] = useState(language);
  const [signedIn, setSignedIn] = useState(Boolean(token()));
  useEffect(() => {
    const out = () => setSignedIn(false);
    addEventListener("signed-out", out);
    return () => removeEventListener("signed-out", out);
  }, []);
  const switched = async (wanted) => {
    await choose(wanted);
    setSpoken(wanted);
  };
  if (!signedIn) return html`<${Welcome} key=${spoken} trouble=${trouble} onLanguage=${switched} />`;
  return html`<${Inside} key=${spoken} onLanguage=${switched} />`;
}

function Welcome({ trouble, onLanguage }) {
  const [problem, setProblem] = useState(trouble);
  return html`<main class="welcome">
    <h1>Automotive Cloud</h1>
    <p>${t("welcome")}</p>
    ${problem ? html`<p class="trouble" role="alert">${t("problem.sign_in")}: <q>${problem.message}</q></p>` : null}
    <button type="button" class="primary" onClick=${() => signIn().catch(setProblem)}>${t("sign_in")}</button>
    <${Languages} onLanguage=${onLanguage} />
  </main>`;
}

function Inside({ onLanguage }) {
  const { data: me, problem, reload } = useLoad(() => get("me"), []);
  if (!me) {
    return html`<main class="welcome"><h1>Automotive Cloud</h1><${Trouble} problem=${problem} />
      ${problem ? html`<button type="button" onClick=${reload}>${t("again")}</button>` : html`<p role="status">${t("loading")}</p>`}
      <button type="button" onClick=${signOut}>${t("sign_out")}</button></main>`;
  }
  if (!PAGES[me.kind])
    return html`<main class="welcome"><h1>Automotive Cloud</h1><p>${t("not_for", { kind: me.kind })}</p>
    <button type="button" onClick=${signOut}>${t("sign_out")}</button></main>`;
  return html`<${Frame} me=${me} onLanguage=${onLanguage} />`;
}

function Frame({ me, onLanguage }) {
  const [[name, id], query] = useRoute();
  const live = useMemo(() => new Live(), []);
  const { data: thresholds } = useLoad(() => get("freshness"), []);
  const main = useRef(null),
    first = useRef(true);
  useEffect(() => {
    const stop = new AbortController();
    live.run(stop.signal);
    return () => stop.abort();
  }, [live]);
  const pages = PAGES[me.kind];
  const here = name === "vehicles" && id ? "map" : pages[name] ? name : "map";
  useEffect(() => {
    document.title = `${t(`page.${here}`)} – Automotive Cloud`;
    if (!first.current) main.current.focus();
    first.current = false;
  }, [name, id]);
  const Page = name === "vehicles" && id ? Vehicle : pages[here];
  return html`
    <a class="skip" href="#main" onClick=${(event) => {
      event.preventDefault();
      main.current.focus();
    }}>${t("skip")}</a>
    <header>
      <strong class="name">Automotive Cloud</strong>
      <nav aria-label=${t("nav")}>${Object.keys(pages).map(
        (page) => html`
        <a href="#/${page}" aria-current=${page === here ? "page" : null}>${t(`page.${page}`)}</a>`,
      )}</nav>
      <span class="who"><${Connection} live=${live} /> <span title=${me.brand}>${me.subject} · ${me.brand}</span>
        <${Languages} onLanguage=${onLanguage} />
        <button type="button" onClick=${signOut}>${t("sign_out")}</button></span>
    </header>
    <main id="main" tabindex="-1" ref=${main} class="page-${name === "vehicles" && id ? "vehicle" : here}">
      ${thresholds ? html`<${Page} key=${`${name}/${id}`} id=${id} query=${query} me=${me} live=${live} thresholds=${thresholds} />` : null}
    </main>`;
}

function Connection({ live }) {
  useLive(live);
  return html`<span class="connection ${live.status}" role="status">${t(`connection.${live.status}`)}</span>`;
}

function Languages({ onLanguage }) {
  return html`<select aria-label=${t("language")} value=${language} onChange=${(event) => onLanguage(event.target.value)}>
    <option value="en">English</option><option value="de">Deutsch</option></select>`;
}

let trouble = null;
await speak();
await configured()
  .then(complete)
  .catch((error) => (trouble = error));
document.getElementById("app").replaceChildren();
render(html`<${App} trouble=${trouble} />`, document.getElementById("app"));

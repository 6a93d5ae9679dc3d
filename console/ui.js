// What the pages are made of.
import { html } from "htm/preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { age, named, t, time } from "./words.js";

export { html };

/** Load something, and again when `inputs` change, on `reload()`, and every so many milliseconds. */
export function useLoad(load, inputs, every = 0) {
  const [found, setFound] = useState({ data: null, problem: null });
  const latest = useRef(0);
  const reload = useCallback(async () => {
    const turn = ++latest.current;
    try {
      const data = await load();
      if (turn === latest.current) setFound({ data, problem: null });
    } catch (problem) {
      if (turn === latest.current) setFound((before) => ({ data: before.data, problem }));
    }
  }, inputs);
  useEffect(() => {
    setFound({ data: null, problem: null });
    reload();
    const timer = every ? setInterval(reload, every) : 0;
    return () => {
      latest.current++;
      clearInterval(timer);
    };
  }, [reload]);
  return { ...found, reload };
}

/** Something that a person asks for: `run(...)` does it, and what is wrong with it stands in `problem`. */
export function useAction(act) {
  const [state, setState] = useState({ busy: false, problem: null, done: null });
  const run = async (...given) => {
    setState({ busy: true, problem: null, done: null });
    try {
      setState({ busy: false, problem: null, done: (await act(...given)) ?? true });
    } catch (problem) {
      setState({ busy: false, problem, done: null });
    }
  };
  return { ...state, run };
}

/** Anew every so many milliseconds. */
export function useTick(every) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** Anew when the live view changes, but not more often than so many milliseconds. */
export function useLive(live, every = 500) {
  const [, setTurn] = useState(0);
  useEffect(() => {
    let timer = 0;
    const changed = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        setTurn((turn) => turn + 1);
      }, every);
    };
    live.addEventListener("change", changed);
    live.addEventListener("status", changed);
    changed(); // it may have changed before anybody listened
    return () => {
      clearTimeout(timer);
      live.removeEventListener("change", changed);
      live.removeEventListener("status", changed);
    };
  }, [live, every]);
}

export function Trouble({ problem }) {
  if (!problem) return null;
  const text = problem.code ? named("problem", problem.code) : t("problem.internal");
  return html`<p class="trouble" role="alert">${text}${problem.detail ? html`: <q>${problem.detail}</q>` : null}</p>`;
}

export function Ago({ at }) {
  const now = useTick(1000);
  return at ? html`<time datetime=${at} title=${time(at)}>${age(at, now)}</time>` : "–";
}

/** A moment; what holds since ever began at none. */
export const When = ({ at }) => (Date.parse(at) > 0 ? html`<time datetime=${at}>${time(at)}</time>` : "–");

export const Fresh = ({ of }) => html`<span class="fresh ${of}">${named("freshness", of)}</span>`;

export const Loading = () => html`<p class="quiet" role="status">${t("loading")}</p>`;

/** A table with a caption; `rows` are lists of cells, or null while they are loaded. */
export function Table({ caption, heads, rows, empty = t("nothing") }) {
  if (rows === null) return html`<${Loading} />`;
  if (!rows.length) return html`<p class="quiet">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table>
    <caption class=${"hidden"}>${caption}</caption>
    <thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
    <tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

export function Field({ label, children }) {
  return html`<label class="field"><span>${label}</span>${children}</label>`;
}

/** A button that asks once more before it does what can't be undone. */
export function Sure({ children, onSure, disabled, class: kind = "" }) {
  const [asked, setAsked] = useState(false);
  if (!asked)
    return html`<button type="button" class=${kind} disabled=${disabled} onClick=${() => setAsked(true)}>${children}</button>`;
  return html`<span class="sure" role="group" aria-label=${t("sure")}>
    <button type="button" class="danger" onClick=${() => {
      setAsked(false);
      onSure();
    }}>${t("sure.yes")}</button>
    <button type="button" onClick=${() => setAsked(false)}>${t("sure.no")}</button>
  </span>`;
}

/** The values of a form by the names of its fields. */
export const said = (form) => Object.fromEntries(new FormData(form));

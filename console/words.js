// Words in the reader's language, and numbers and times as that language writes them.
const LANGUAGES = ["en", "de"];
const KEPT = "language";

let words = {};
export let language = "en";

/** Load a language's words: the one that was chosen, or the browser's, or English. */
export async function speak(wanted = localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2)) {
  language = LANGUAGES.includes(wanted) ? wanted : "en";
  words = await (await fetch(new URL(`./words/${language}.json`, import.meta.url))).json();
  document.documentElement.lang = language;
}

export async function choose(wanted) {
  localStorage.setItem(KEPT, wanted);
  await speak(wanted);
}

/** The words of a key, with `{name}` filled in; a key without words is shown as it is. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The words of a name that the API uses, as `reason.role`; the name itself where there are none. */
export const named = (group, name) => words[`${group}.${name}`] ?? name;

/** How numbers and times are written: as where the reader is, if that is in the language that was chosen. */
export const formats = () => (navigator.language.startsWith(language) ? navigator.language : language);

export function number(value, digits = 0) {
  return value === null || value === undefined
    ? "–"
    : value.toLocaleString(formats(), { maximumFractionDigits: digits });
}

export const unit = (value, name, digits = 0) =>
  value === null || value === undefined ? "–" : `${number(value, digits)} ${name}`;

export function time(at) {
  return at ? new Date(at).toLocaleString(formats(), { dateStyle: "short", timeStyle: "medium" }) : "–";
}

const STEPS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** How long ago, in the largest unit that fits. */
export function age(at, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - new Date(at)) / 1000));
  const [name, size] = STEPS.find(([, size]) => seconds >= size) ?? STEPS[3];
  return new Intl.RelativeTimeFormat(formats(), { numeric: "auto", style: "narrow" }).format(
    -Math.floor(seconds / size),
    name,
  );
}

export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

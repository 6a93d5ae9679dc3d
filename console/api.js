// The public API, as everybody else calls it.
import { expire, token } from "./session.js";

/** What the API answers instead: `code` is stable, `detail` for people. Without a network, `code` is "offline". */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail || code);
    Object.assign(this, { status, code, detail });
  }
}

export async function call(method, path, body, { signal, headers = {} } = {}) {
  const sent = { Authorization: `Bearer ${token()}`, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, {
      method,
      signal,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "offline", "");
  }
  if (answer.status === 401) {
    expire();
    dispatchEvent(new Event("signed-out"));
  }
  if (answer.ok) return answer.status === 204 ? null : await answer.json();
  const said = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, said.code ?? "unavailable", said.detail ?? "");
}

export const get = (path, options) => call("GET", path, undefined, options);
export const put = (path, body) => call("PUT", path, body);
export const drop = (path) => call("DELETE", path);

/** Once, also if it is asked again because the answer was lost. */
export const post = (path, body) => call("POST", path, body, { headers: { "Idempotency-Key": crypto.randomUUID() } });

/** `{a: 1, b: null}` as `?a=1`. */
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

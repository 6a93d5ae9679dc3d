// Where vehicles are, followed over one connection that resumes where it was cut.
import { get, query } from "./api.js";

const PAGE = 1000;
/** Vehicles on one map at most. */
export const MOST = 10_000;
/** Places that a vehicle's trail has at most. */
const TRAIL = 120;
const FIRST_WAIT = 500,
  LONGEST_WAIT = 10_000;

export class Live extends EventTarget {
  vehicles = new Map();
  trails = new Map();
  status = "starting";
  complete = true;
  #mark = null;

  /** Follow until the signal says stop. "change" tells of vehicles that were seen anew, "status" of the connection. */
  async run(signal) {
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      try {
        if (this.status === "offline") await this.#probe(signal);
        if (this.#mark === null) await this.#begin(signal);
        const news = await get(`sightings${query({ after: this.#mark })}`, { signal });
        this.#take(news.items, news.gone);
        this.#mark = news.mark;
        this.complete = news.complete && this.vehicles.size < MOST;
        this.#become("live");
        wait = FIRST_WAIT;
      } catch (problem) {
        if (signal.aborted || problem.status === 401) return;
        if (["mark_expired", "invalid_cursor"].includes(problem.code)) {
          this.#mark = null;
          continue;
        }
        this.#become("offline");
        await pause(problem.status === 429 ? LONGEST_WAIT : wait, signal);
        wait = Math.min(wait * 2, LONGEST_WAIT);
      }
    }
  }

  /** Whether anybody answers; who follows may wait for half a minute before there is anything to tell. */
  async #probe(signal) {
    await get("health", { signal });
    this.#become("live");
  }

  async #begin(signal) {
    const seen = new Map();
    let cursor = null,
      mark = null;
    do {
      const page = await get(`sightings${query({ limit: PAGE, cursor })}`, { signal });
      for (const item of page.items) seen.set(item.vehicleId, item);
      mark ??= page.mark;
      cursor = page.cursor;
    } while (cursor && seen.size < MOST);
    this.complete = cursor === null;
    this.vehicles = seen;
    this.#mark = mark;
    this.#become("live");
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(seen.keys()) }));
  }

  #take(items, gone) {
    for (const item of items) {
      if (!this.vehicles.has(item.vehicleId) && this.vehicles.size >= MOST) continue;
      this.vehicles.set(item.vehicleId, item);
      if (item.place) this.#trace(item.vehicleId, [item.place.longitude, item.place.latitude]);
    }
    for (const id of gone) {
      this.vehicles.delete(id);
      this.trails.delete(id);
    }
    if (items.length || gone.length) {
      const changed = new Set([...items.map((item) => item.vehicleId), ...gone]);
      this.dispatchEvent(new CustomEvent("change", { detail: changed }));
    }
  }

  #trace(id, place) {
    const places = this.trails.get(id) ?? this.trails.set(id, []).get(id);
    const last = places.at(-1);
    if (last?.[0] === place[0] && last?.[1] === place[1]) return;
    places.push(place);
    if (places.length > TRAIL) places.shift();
  }

  #become(status) {
    if (status === this.status) return;
    this.status = status;
    this.dispatchEvent(new Event("status"));
  }
}

/** So long, or until the network is back. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    }
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

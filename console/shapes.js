// What is drawn on the map, as GeoJSON.

const CORNERS = 64;
const METRES_A_DEGREE = 111_195;
/** Degrees between the lines of the grid: the widest of which there are more than so many. */
const STEPS = [30, 10, 5, 1, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001];
const LINES = 4;

/** A vehicle's sighting as a feature; null where nobody knows where it is. */
export function feature(item, freshness, chosen) {
  if (!item.place) return null;
  return {
    type: "Feature",
    geometry: { type: "Point", coordinates: [item.place.longitude, item.place.latitude] },
    properties: {
      id: item.vehicleId,
      freshness,
      moving: item.moving,
      heading: item.heading,
      chosen: item.vehicleId === chosen,
    },
  };
}

/** How far a moment can be relied on, by the brand's thresholds. */
export function freshnessOf(at, thresholds, now = Date.now()) {
  if (!at) return "offline";
  const seconds = (now - Date.parse(at)) / 1000;
  return seconds <= thresholds.liveSeconds ? "live" : seconds <= thresholds.staleSeconds ? "stale" : "offline";
}

/** A geofence rule as a polygon. */
export function fence({ id, circle, polygon }, draft = false) {
  const ring = circle ? around(circle) : polygon.reduce(joined, []);
  return {
    type: "Feature",
    properties: { id, draft },
    geometry: { type: "Polygon", coordinates: [[...ring, ring[0]]] },
  };
}

/** With one more corner, the shorter way from the last one: over the 180th meridian longitudes go on. */
function joined(ring, { longitude, latitude }) {
  const east = longitude - (ring.at(-1)?.[0] ?? longitude);
  return [...ring, [longitude - (Math.abs(east) > 180 ? 360 * Math.round(east / 360) : 0), latitude]];
}

function around({ latitude, longitude, radius }) {
  const across = Math.max(Math.cos((latitude * Math.PI) / 180), 0.01);
  return Array.from({ length: CORNERS }, (_, number) => {
    const angle = (number / CORNERS) * 2 * Math.PI;
    const degrees = radius / METRES_A_DEGREE;
    return [longitude + (degrees * Math.cos(angle)) / across, latitude + degrees * Math.sin(angle)];
  });
}

/** Where a vehicle came from, as far as the live view saw it. */
export function trail(places) {
  return places?.length > 1
    ? { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: places } }
    : null;
}

/** A country's name, in the middle of its largest part. */
export function nameOf({ properties: { name }, geometry: { type, coordinates } }) {
  const [outline] = type === "Polygon" ? coordinates : coordinates.toSorted((a, b) => b[0].length - a[0].length)[0];
  const middle = (axis) =>
    (Math.min(...outline.map((place) => place[axis])) + Math.max(...outline.map((place) => place[axis]))) / 2;
  return { type: "Feature", properties: { name }, geometry: { type: "Point", coordinates: [middle(0), middle(1)] } };
}

/** Meridians and parallels around what is seen: where the world has no more detail, they show that one moves. */
export function grid(map) {
  const bounds = map.getBounds(),
    [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  const step = STEPS.find((degrees) => (east - west) / degrees > LINES) ?? STEPS.at(-1);
  const line = (...coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } });
  const between = (from, to) =>
    Array.from({ length: Math.ceil((to - from) / step) + 2 }, (_, number) => (Math.floor(from / step) + number) * step);
  const [wide, high] = [east - west, north - south];
  return [
    ...between(west, east).map((x) => line([x, Math.max(south - high, -85)], [x, Math.min(north + high, 85)])),
    ...between(south, north).map((y) => line([west - wide, y], [east + wide, y])),
  ];
}

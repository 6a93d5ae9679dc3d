// A map with vehicles, a trip and geofences, over the world as it comes with the console or over tiles.
import { html, useLive } from "./ui.js";
import { useEffect, useRef } from "preact/hooks";
import { configured } from "./session.js";
import { t } from "./words.js";

const WORLD = new URL("./vendor/world-atlas/countries-50m.json", import.meta.url);
const NOTHING = { type: "FeatureCollection", features: [] };
const CORNERS = 64;
const METRES_A_DEGREE = 111_195;
/** Degrees between the lines of the grid: the widest of which there are more than so many. */
const STEPS = [30, 10, 5, 1, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001];
const LINES = 4;
/** Vehicles up to which it is shown where they came from. */
const TRAILED = 200;

let world;

/** The countries as GeoJSON: the bundled Natural Earth, read once. */
async function countries() {
  world ??= Promise.all([import("topojson-client/feature"), fetch(WORLD).then((answer) => answer.json())]).then(
    ([{ default: feature }, topology]) => feature(topology, topology.objects.countries),
  );
  return world;
}

/** Make a map in an element; it is ready when it resolves. */
export async function makeMap(element) {
  const [maplibre, { tiles }, land] = await Promise.all([import("maplibre-gl"), configured(), countries()]);
  const map = new maplibre.Map({
    container: element, style: style(land, tiles), center: [11, 48], zoom: 3, minZoom: 1, maxZoom: 18,
    attributionControl: false, fadeDuration: 0, dragRotate: false, pitchWithRotate: false, canvasContextAttributes: { antialias: true },
    locale: { "Map.Title": t("map"), "NavigationControl.ZoomIn": t("map.in"), "NavigationControl.ZoomOut": t("map.out") },
  });
  map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new maplibre.ScaleControl(), "bottom-right");
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addImage("arrow", arrow(), { sdf: true });
  element.map = map;
  await new Promise((resolve) => map.once("load", resolve));
  if (!tiles) {
    map.on("moveend", () => show(map, "grid", grid(map)));
    show(map, "grid", grid(map));
  }
  return { map, maplibre };
}

function style(land, tiles) {
  const sources = {
    land: { type: "geojson", data: land, maxzoom: 6, tolerance: 0.2 },
    names: { type: "geojson", data: { ...NOTHING, features: land.features.map(nameOf) } },
    grid: { type: "geojson", data: NOTHING },
    fences: { type: "geojson", data: NOTHING },
    trip: { type: "geojson", data: NOTHING },
    trails: { type: "geojson", data: NOTHING },
    vehicles: {
      type: "geojson", data: NOTHING, cluster: true, clusterRadius: 44, clusterMaxZoom: 12,
      clusterProperties: { live: ["+", ["case", ["==", ["get", "freshness"], "live"], 1, 0]] },
    },
  };
  if (tiles) sources.tiles = { type: "raster", tiles: [tiles], tileSize: 256 };
  return { version: 8, sources, layers: [...layers(Boolean(tiles))] };
}

/** Meridians and parallels around what is seen: where the world has no more detail, they show that one moves. */
function grid(map) {
  const bounds = map.getBounds(), [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  const step = STEPS.find((degrees) => (east - west) / degrees > LINES) ?? STEPS.at(-1);
  const line = (...coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } });
  const between = (from, to) => Array.from({ length: Math.ceil((to - from) / step) + 2 }, (_, number) => (Math.floor(from / step) + number) * step);
  const [wide, high] = [east - west, north - south];
  return [
    ...between(west, east).map((x) => line([x, Math.max(south - high, -85)], [x, Math.min(north + high, 85)])),
    ...between(south, north).map((y) => line([west - wide, y], [east + wide, y])),
  ];
}

/** A country's name, in the middle of its largest part. */
function nameOf({ properties: { name }, geometry: { type, coordinates } }) {
  const [outline] = type === "Polygon" ? coordinates : coordinates.toSorted((a, b) => b[0].length - a[0].length)[0];
  const middle = (axis) => (Math.min(...outline.map((place) => place[axis])) + Math.max(...outline.map((place) => place[axis]))) / 2;
  return { type: "Feature", properties: { name }, geometry: { type: "Point", coordinates: [middle(0), middle(1)] } };
}

function* layers(tiled) {
  const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const single = ["!", ["has", "point_count"]];
  const fresh = ["match", ["get", "freshness"], "live", of("--live"), "stale", of("--stale"), of("--offline")];
  yield { id: "sea", type: "background", paint: { "background-color": of("--sea") } };
  yield { id: "land", type: "fill", source: "land", paint: { "fill-color": of("--land") } };
  yield { id: "borders", type: "line", source: "land", paint: { "line-color": of("--border"), "line-width": 0.7 } };
  if (tiled) yield { id: "tiles", type: "raster", source: "tiles" };
  else {
    yield { id: "grid", type: "line", source: "grid", paint: { "line-color": of("--border"), "line-width": 0.5, "line-opacity": 0.5 } };
    yield {
      id: "names", type: "symbol", source: "names", layout: { "text-field": ["get", "name"], "text-size": 12 },
      paint: { "text-color": of("--quiet"), "text-halo-color": of("--halo"), "text-halo-width": 1 },
    };
  }
  yield { id: "fences", type: "fill", source: "fences", paint: { "fill-color": of("--fence"), "fill-opacity": 0.15 } };
  yield {
    id: "fences-line", type: "line", source: "fences",
    paint: { "line-color": of("--fence"), "line-width": ["case", ["get", "draft"], 3, 1.5], "line-dasharray": [3, 2] },
  };
  yield {
    id: "trip", type: "line", source: "trip", layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": of("--accent"), "line-width": 4, "line-opacity": 0.8 },
  };
  yield {
    id: "trails", type: "line", source: "trails", layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": of("--live"), "line-width": 3, "line-opacity": 0.45 },
  };
  yield {
    id: "clusters", type: "circle", source: "vehicles", filter: ["has", "point_count"],
    paint: {
      "circle-radius": ["step", ["get", "point_count"], 15, 20, 20, 200, 27],
      "circle-color": ["case", [">", ["get", "live"], 0], of("--live"), of("--offline")],
      "circle-opacity": 0.85, "circle-stroke-width": 2, "circle-stroke-color": of("--halo"),
    },
  };
  yield {
    id: "counts", type: "symbol", source: "vehicles", filter: ["has", "point_count"],
    layout: { "text-field": ["get", "point_count_abbreviated"], "text-size": 13, "text-allow-overlap": true },
    paint: { "text-color": "#ffffff" },
  };
  yield {
    id: "vehicles", type: "circle", source: "vehicles", filter: single,
    paint: {
      "circle-radius": ["case", ["get", "chosen"], 12, 9], "circle-color": fresh,
      "circle-opacity": ["match", ["get", "freshness"], "offline", 0.25, 0.95],
      "circle-stroke-width": ["case", ["get", "chosen"], 4, 2],
      "circle-stroke-color": ["case", ["get", "chosen"], of("--accent"), ["match", ["get", "freshness"], "offline", fresh, of("--halo")]],
    },
  };
  yield {
    id: "headings", type: "symbol", source: "vehicles", filter: ["all", single, ["==", ["get", "moving"], true]],
    layout: {
      "icon-image": "arrow", "icon-size": 0.5, "icon-rotate": ["coalesce", ["get", "heading"], 0],
      "icon-rotation-alignment": "map", "icon-allow-overlap": true, "icon-ignore-placement": true,
    },
    paint: { "icon-color": "#ffffff" },
  };
}

/** A vehicle's sighting as a feature; null where nobody knows where it is. */
export function feature(item, freshness, chosen) {
  if (!item.place) return null;
  return {
    type: "Feature",
    geometry: { type: "Point", coordinates: [item.place.longitude, item.place.latitude] },
    properties: { id: item.vehicleId, freshness, moving: item.moving, heading: item.heading, chosen: item.vehicleId === chosen },
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
  const ring = circle ? around(circle) : polygon.map((corner) => [corner.longitude, corner.latitude]);
  return {
    type: "Feature", properties: { id, draft },
    geometry: { type: "Polygon", coordinates: [[...ring, ring[0]]] },
  };
}

function around({ latitude, longitude, radius }) {
  const across = Math.max(Math.cos((latitude * Math.PI) / 180), 0.01);
  return Array.from({ length: CORNERS }, (_, number) => {
    const angle = (number / CORNERS) * 2 * Math.PI;
    const degrees = radius / METRES_A_DEGREE;
    return [longitude + (degrees * Math.cos(angle)) / across, latitude + degrees * Math.sin(angle)];
  });
}

/** Show all of these [longitude, latitude] places. */
export function fit(map, places, most = 14) {
  if (!places.length) return;
  const [west, south, east, north] = places.reduce(
    ([w, s, e, n], [x, y]) => [Math.min(w, x), Math.min(s, y), Math.max(e, x), Math.max(n, y)], [180, 90, -180, -90],
  );
  map.fitBounds([[west, south], [east, north]], { padding: 60, maxZoom: most, animate: false });
}

export const show = (map, source, features) => map.getSource(source)?.setData({ type: "FeatureCollection", features });

/** A white arrow that points north, as a mask. */
function arrow() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 32 });
  const pen = canvas.getContext("2d");
  pen.beginPath();
  pen.moveTo(16, 3);
  pen.lineTo(26, 27);
  pen.lineTo(16, 21);
  pen.lineTo(6, 27);
  pen.fill();
  return pen.getImageData(0, 0, 32, 32);
}

/** The vehicles of the live view on a map; `onReady` gets the map, `onChoose` the vehicle that was clicked. */
export function VehicleMap({ live, thresholds, chosen, only, onChoose, onReady, label }) {
  const element = useRef(null), made = useRef(null), latest = useRef({});
  latest.current = { live, thresholds, chosen, only, onChoose };
  useLive(live, live.vehicles.size > 500 ? 1000 : 250);
  useEffect(() => {
    let ended = false;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => made.current && [...layers(made.current.map.getLayer("tiles"))].forEach(({ id, paint = {} }) => {
      for (const [name, value] of Object.entries(paint)) made.current.map.setPaintProperty(id, name, value);
    });
    dark.addEventListener("change", repaint);
    makeMap(element.current).then((found) => {
      if (ended) return found.map.remove();
      made.current = found;
      listen(found.map, (id) => latest.current.onChoose?.(id));
      draw(found.map, latest.current);
      onReady?.(found);
    });
    return () => {
      ended = true;
      dark.removeEventListener("change", repaint);
      made.current?.map.remove();
      made.current = null;
    };
  }, []);
  if (made.current) draw(made.current.map, latest.current);
  return html`<div class="map" ref=${element} role="region" aria-label=${label ?? t("map")}></div>`;
}

function draw(map, { live, thresholds, chosen, only }) {
  const now = Date.now();
  const shown = only ? [live.vehicles.get(only)].filter(Boolean) : [...live.vehicles.values()];
  const found = shown.map((item) => feature(item, freshnessOf(item.lastSeenAt, thresholds, now), only ? null : chosen));
  show(map, "vehicles", found.filter(Boolean));
  show(map, "trails", shown.length <= TRAILED ? shown.map((item) => trail(live.trails.get(item.vehicleId))).filter(Boolean) : []);
}

/** Where a vehicle came from, as far as the live view saw it. */
function trail(places) {
  return places?.length > 1 ? { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: places } } : null;
}

function listen(map, choose) {
  map.on("click", "vehicles", ({ features: [{ properties }] }) => choose(properties.id));
  map.on("click", "clusters", async ({ features: [cluster] }) => {
    const zoom = await map.getSource("vehicles").getClusterExpansionZoom(cluster.properties.cluster_id);
    map.easeTo({ center: cluster.geometry.coordinates, zoom });
  });
  for (const layer of ["vehicles", "clusters"]) {
    map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
  }
}

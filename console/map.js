// A map with vehicles, a trip and geofences, over the world as it comes with the console or over tiles.
import { useEffect, useRef } from "preact/hooks";
import { arrow, layers, style } from "./layers.js";
import { configured } from "./session.js";
import { feature, freshnessOf, grid, trail } from "./shapes.js";
import { html, useLive } from "./ui.js";
import { t } from "./words.js";

const WORLD = new URL("./vendor/world-atlas/countries-50m.json", import.meta.url);
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
    container: element,
    style: style(land, tiles),
    center: [11, 48],
    zoom: 3,
    minZoom: 1,
    maxZoom: 18,
    attributionControl: false,
    fadeDuration: 0,
    dragRotate: false,
    pitchWithRotate: false,
    canvasContextAttributes: { antialias: true },
    locale: {
      "Map.Title": t("map"),
      "NavigationControl.ZoomIn": t("map.in"),
      "NavigationControl.ZoomOut": t("map.out"),
    },
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

/** Show all of these [longitude, latitude] places, and the map itself where it was scrolled away. */
export function fit(map, places, most = 14) {
  if (!places.length) return;
  map.getContainer().scrollIntoView({ block: "nearest" });
  const [west, south, east, north] = places.reduce(
    ([w, s, e, n], [x, y]) => [Math.min(w, x), Math.min(s, y), Math.max(e, x), Math.max(n, y)],
    [180, 90, -180, -90],
  );
  map.fitBounds(
    [
      [west, south],
      [east, north],
    ],
    { padding: 60, maxZoom: most, animate: false },
  );
}

export const show = (map, source, features) => map.getSource(source)?.setData({ type: "FeatureCollection", features });

/** The vehicles of the live view on a map; `onReady` gets the map, `onChoose` the vehicle that was clicked. */
export function VehicleMap({ live, thresholds, chosen, only, onChoose, onReady, label }) {
  const element = useRef(null),
    made = useRef(null),
    latest = useRef({});
  latest.current = { live, thresholds, chosen, only, onChoose };
  useLive(live, live.vehicles.size > 500 ? 1000 : 250);
  useEffect(() => {
    let ended = false;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () =>
      made.current &&
      [...layers(made.current.map.getLayer("tiles"))].forEach(({ id, paint = {} }) => {
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
  show(
    map,
    "trails",
    shown.length <= TRAILED ? shown.map((item) => trail(live.trails.get(item.vehicleId))).filter(Boolean) : [],
  );
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

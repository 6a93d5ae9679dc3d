// How the map looks: its sources and its layers, in the colours of the page.
import { nameOf } from "./shapes.js";

export const NOTHING = { type: "FeatureCollection", features: [] };

export function style(land, tiles) {
  const sources = {
    land: { type: "geojson", data: land, maxzoom: 6, tolerance: 0.2 },
    names: { type: "geojson", data: { ...NOTHING, features: land.features.map(nameOf) } },
    grid: { type: "geojson", data: NOTHING },
    fences: { type: "geojson", data: NOTHING },
    trip: { type: "geojson", data: NOTHING },
    trails: { type: "geojson", data: NOTHING },
    vehicles: {
      type: "geojson",
      data: NOTHING,
      cluster: true,
      clusterRadius: 44,
      clusterMaxZoom: 12,
      clusterProperties: { live: ["+", ["case", ["==", ["get", "freshness"], "live"], 1, 0]] },
    },
  };
  if (tiles) sources.tiles = { type: "raster", tiles: [tiles], tileSize: 256 };
  return { version: 8, sources, layers: [...layers(Boolean(tiles))] };
}

export function* layers(tiled) {
  const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const single = ["!", ["has", "point_count"]];
  const fresh = ["match", ["get", "freshness"], "live", of("--live"), "stale", of("--stale"), of("--offline")];
  yield { id: "sea", type: "background", paint: { "background-color": of("--sea") } };
  yield { id: "land", type: "fill", source: "land", paint: { "fill-color": of("--land") } };
  yield { id: "borders", type: "line", source: "land", paint: { "line-color": of("--border"), "line-width": 0.7 } };
  if (tiled) yield { id: "tiles", type: "raster", source: "tiles" };
  else {
    yield {
      id: "grid",
      type: "line",
      source: "grid",
      paint: { "line-color": of("--border"), "line-width": 0.5, "line-opacity": 0.5 },
    };
    yield {
      id: "names",
      type: "symbol",
      source: "names",
      layout: { "text-field": ["get", "name"], "text-size": 12 },
      paint: { "text-color": of("--quiet"), "text-halo-color": of("--halo"), "text-halo-width": 1 },
    };
  }
  yield { id: "fences", type: "fill", source: "fences", paint: { "fill-color": of("--fence"), "fill-opacity": 0.15 } };
  yield {
    id: "fences-line",
    type: "line",
    source: "fences",
    paint: { "line-color": of("--fence"), "line-width": ["case", ["get", "draft"], 3, 1.5], "line-dasharray": [3, 2] },
  };
  yield {
    id: "trip",
    type: "line",
    source: "trip",
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": of("--accent"), "line-width": 4, "line-opacity": 0.8 },
  };
  yield {
    id: "trails",
    type: "line",
    source: "trails",
    layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": of("--live"), "line-width": 3, "line-opacity": 0.45 },
  };
  yield {
    id: "clusters",
    type: "circle",
    source: "vehicles",
    filter: ["has", "point_count"],
    paint: {
      "circle-radius": ["step", ["get", "point_count"], 15, 20, 20, 200, 27],
      "circle-color": ["case", [">", ["get", "live"], 0], of("--live"), of("--offline")],
      "circle-opacity": 0.85,
      "circle-stroke-width": 2,
      "circle-stroke-color": of("--halo"),
    },
  };
  yield {
    id: "counts",
    type: "symbol",
    source: "vehicles",
    filter: ["has", "point_count"],
    layout: { "text-field": ["get", "point_count_abbreviated"], "text-size": 13, "text-allow-overlap": true },
    paint: { "text-color": "#ffffff" },
  };
  yield {
    id: "vehicles",
    type: "circle",
    source: "vehicles",
    filter: single,
    paint: {
      "circle-radius": ["case", ["get", "chosen"], 12, 9],
      "circle-color": fresh,
      "circle-opacity": ["match", ["get", "freshness"], "offline", 0.25, 0.95],
      "circle-stroke-width": ["case", ["get", "chosen"], 4, 2],
      "circle-stroke-color": [
        "case",
        ["get", "chosen"],
        of("--accent"),
        ["match", ["get", "freshness"], "offline", fresh, of("--halo")],
      ],
    },
  };
  yield {
    id: "headings",
    type: "symbol",
    source: "vehicles",
    filter: ["all", single, ["==", ["get", "moving"], true]],
    layout: {
      "icon-image": "arrow",
      "icon-size": 0.5,
      "icon-rotate": ["coalesce", ["get", "heading"], 0],
      "icon-rotation-alignment": "map",
      "icon-allow-overlap": true,
      "icon-ignore-placement": true,
    },
    paint: { "icon-color": "#ffffff" },
  };
}

/** A white arrow that points north, as a mask. */
export function arrow() {
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

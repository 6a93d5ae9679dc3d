// A vehicle's geofences: shown, drawn and edited on its map.
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { drop, get, put } from "../api.js";
import { fit, show } from "../map.js";
import { fence } from "../shapes.js";
import { Field, html, Sure, Trouble, useAction, useLoad } from "../ui.js";
import { number, t } from "../words.js";

const RADIUS = 500;
const LEAST_CORNERS = 3;
/** What a rule may be called, as a pattern of HTML. */
const NAME = "[A-Za-z0-9][A-Za-z0-9._@\\-]{0,63}";

export function Fences({ path, made, place }) {
  const { data, problem, reload } = useLoad(() => get(`${path}/rules`), [path]);
  const [draft, setDraft] = useState(null);
  const fences = (data?.rules ?? []).filter((rule) => rule.kind === "geofence");
  useEffect(() => {
    if (!made) return;
    const drawn = fences.filter(({ id }) => id !== draft?.id).map((one) => fence(one));
    show(made.map, "fences", isWhole(draft) ? [...drawn, fence(draft, true)] : drawn);
  }, [made, data, draft]);
  useEffect(
    () => () => {
      if (made?.map.getSource("fences")) show(made.map, "fences", []);
    },
    [made],
  );
  const remove = useAction(async (id) => {
    await drop(`${path}/rules/${encodeURIComponent(id)}`);
    await reload();
  });
  const see = (one) => fit(made.map, fence(one).geometry.coordinates[0], 15);
  return html`<section aria-labelledby="fences"><h2 id="fences">${t("fences")}</h2>
    <${Trouble} problem=${problem ?? remove.problem} />
    ${
      fences.length
        ? html`<ul class="plain">${fences.map(
            (one) => html`<li key=${one.id} class="line">
      <span><strong>${one.id}</strong> <span class="quiet">${described(one)}</span></span>
      <span><button type="button" disabled=${!made} onClick=${() => see(one)}>${t("see")}</button>
      <button type="button" disabled=${!made || draft} onClick=${() => {
        see(one);
        setDraft(one);
      }}>${t("edit")}</button>
      <${Sure} onSure=${() => remove.run(one.id)} disabled=${draft}>${t("delete")}<//></span></li>`,
          )}</ul>`
        : html`<p class="quiet">${t("fences.none")}</p>`
    }
    ${
      draft
        ? html`<${Draft} key=${draft.id} path=${path} made=${made} draft=${draft} onChange=${setDraft}
          onDone=${() => {
            setDraft(null);
            reload();
          }} onLeave=${() => setDraft(null)} fresh=${!fences.some(({ id }) => id === draft.id)} />`
        : html`<p><button type="button" disabled=${!made} onClick=${() => setDraft(blank("circle", made, place))}>${t("fence.circle")}</button>
          <button type="button" disabled=${!made} onClick=${() => setDraft(blank("polygon", made, place))}>${t("fence.polygon")}</button></p>`
    }
  </section>`;
}

function Draft({ path, made, draft, fresh, onChange, onDone, onLeave }) {
  const [name, setName] = useState(fresh ? "" : draft.id);
  useLayoutEffect(() => made.map.getContainer().scrollIntoView({ block: "nearest" }), []);
  useHandles(made, draft, onChange);
  const save = useAction(async () => {
    const { polygon, circle, on, enabled, holdSeconds = 0 } = draft;
    const shape = circle ? { circle } : { polygon };
    await put(`${path}/rules/${encodeURIComponent(name)}`, {
      id: name,
      kind: "geofence",
      on,
      enabled,
      holdSeconds,
      ...shape,
    });
    onDone();
  });
  const centre = () => placeOf(made.map.getCenter());
  const toggle =
    (what) =>
    ({ target: { checked } }) =>
      onChange((now) => ({ ...now, on: [...now.on.filter((one) => one !== what), ...(checked ? [what] : [])] }));
  return html`<form class="card" aria-label=${t("fence.draw")} onSubmit=${(event) => {
    event.preventDefault();
    save.run();
  }}>
    <p>${t(draft.circle ? "fence.how.circle" : "fence.how.polygon")}</p>
    <${Field} label=${t("name")}><input value=${name} required pattern=${NAME} disabled=${!fresh}
      onInput=${(event) => setName(event.target.value)} /><//>
    ${
      draft.circle
        ? html`
      <${Field} label=${t("radius")}><input type="number" min="10" max="1000000" value=${draft.circle.radius}
        onInput=${({ target: { value } }) => onChange((now) => moved(now, { radius: Number(value) || 10 }))} /><//>
      <button type="button" onClick=${() => onChange((now) => moved(now, centre()))}>${t("fence.centre")}</button>`
        : html`<p role="status">${t("fence.corners", { count: draft.polygon.length })}</p>
      <button type="button" onClick=${() => onChange((now) => moved(now, centre()))}>${t("fence.corner")}</button>
      <button type="button" disabled=${!draft.polygon.length} onClick=${() => onChange((now) => ({ ...now, polygon: now.polygon.slice(0, -1) }))}>${t("fence.back")}</button>`
    }
    <fieldset><legend>${t("fence.tell")}</legend>${["enter", "exit"].map(
      (what) => html`
      <label><input type="checkbox" checked=${draft.on.includes(what)} onChange=${toggle(what)} /> ${t(`fence.${what}`)}</label>`,
    )}</fieldset>
    <${Trouble} problem=${save.problem} />
    <button class="primary" disabled=${save.busy || !isWhole(draft) || !draft.on.length}>${t("save")}</button>
    <button type="button" onClick=${onLeave}>${t("cancel")}</button>
  </form>`;
}

/** What can be dragged, a corner or the centre each, and clicks on the map that add or move one. */
function useHandles({ map, maplibre }, draft, onChange) {
  useEffect(() => {
    const clicked = ({ lngLat }) => onChange((now) => moved(now, placeOf(lngLat)));
    map.on("click", clicked);
    map.doubleClickZoom.disable();
    map.getCanvas().classList.add("drawing");
    return () => {
      map.off("click", clicked);
      map.doubleClickZoom.enable();
      map.getCanvas().classList.remove("drawing");
    };
  }, [map]);
  useEffect(() => {
    const places = draft.circle ? [draft.circle] : draft.polygon;
    const markers = places.map((place, number) => {
      const element = Object.assign(document.createElement("div"), { className: "handle", title: `${number + 1}` });
      const marker = new maplibre.Marker({ element, draggable: true })
        .setLngLat([place.longitude, place.latitude])
        .addTo(map);
      marker.on("dragend", () => onChange((now) => moved(now, placeOf(marker.getLngLat()), number)));
      return marker;
    });
    return () => markers.forEach((marker) => marker.remove());
  }, [map, draft]);
}

/** With the centre somewhere else, or a corner, or one more corner. */
function moved(draft, part, number = draft.polygon?.length) {
  if (draft.circle) return { ...draft, circle: { ...draft.circle, ...part } };
  return { ...draft, polygon: [...draft.polygon.slice(0, number), part, ...draft.polygon.slice(number + 1)] };
}

const placeOf = ({ lng, lat }) => ({ latitude: round(lat), longitude: round(lng) });

const isWhole = (draft) => Boolean(draft && (draft.circle || draft.polygon.length >= LEAST_CORNERS));

const round = (degrees) => Math.round(degrees * 1e6) / 1e6;

function blank(shape, { map }, place) {
  const { lng, lat } = map.getCenter();
  const { latitude, longitude } = place ?? { latitude: lat, longitude: lng };
  const common = { id: "", kind: "geofence", on: ["enter", "exit"], enabled: true };
  return shape === "circle"
    ? { ...common, circle: { latitude: round(latitude), longitude: round(longitude), radius: RADIUS } }
    : { ...common, polygon: [] };
}

const described = ({ circle, polygon, enabled }) =>
  `${circle ? t("fence.is.circle", { radius: number(circle.radius) }) : t("fence.is.polygon", { count: polygon.length })}${enabled ? "" : ` · ${t("off")}`}`;

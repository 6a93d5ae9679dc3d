// A line over time.
import uPlot from "uplot";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { html } from "./ui.js";
import { formats, number, t } from "./words.js";

const HEIGHT = 160;

/** `points` are [epoch seconds, value]; `label` names what is shown and `unit` in what. */
export function Chart({ points, label, unit, least = null }) {
  const element = useRef(null),
    chart = useRef(null);
  const data = [points.map(([at]) => at), points.map(([, value]) => value)];
  useLayoutEffect(() => {
    const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axis = { stroke: of("--quiet"), grid: { stroke: of("--line"), width: 1 }, ticks: { stroke: of("--line") } };
    const made = (chart.current = new uPlot(
      {
        width: Math.max(element.current.clientWidth, 200),
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { y: { range: (_, low, high) => [least ?? low, Math.max((high ?? 1) * 1.05, (least ?? low) + 1)] } },
        axes: [
          { ...axis, space: 90, values: (_, times) => times.map(clock(times)) },
          { ...axis, size: 52, values: (_, values) => values.map((v) => number(v, 1)) },
        ],
        series: [{}, { stroke: of("--accent"), width: 2, points: { show: false }, spanGaps: false }],
      },
      data,
      element.current,
    ));
    const watcher = new ResizeObserver(([{ contentRect }]) =>
      made.setSize({ width: Math.max(contentRect.width, 200), height: HEIGHT }),
    );
    watcher.observe(element.current);
    return () => {
      watcher.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => chart.current?.setData(data), [points]);
  const values = data[1].filter((value) => value !== null);
  const told = values.length
    ? t("chart.told", {
        least: number(Math.min(...values), 1),
        most: number(Math.max(...values), 1),
        last: number(values.at(-1), 1),
        unit,
      })
    : t("nothing");
  return html`<figure class="chart">
    <figcaption>${label} <span class="quiet">${told}</span></figcaption>
    <div ref=${element} role="img" aria-label="${label}: ${told}"></div>
  </figure>`;
}

/** As much of a time as tells the ticks of an axis apart. */
function clock(times) {
  const apart = times.length > 1 ? times[1] - times[0] : 0;
  const form = apart < 60 ? { timeStyle: "medium" } : apart < 86_400 ? { timeStyle: "short" } : { dateStyle: "short" };
  return (seconds) => (seconds === null ? "" : new Date(seconds * 1000).toLocaleString(formats(), form));
}

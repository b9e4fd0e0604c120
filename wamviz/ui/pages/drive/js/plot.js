/* How far the dream is off, over time, as lines in an SVG.

   Contract: linesOf(values, most) is pure: the polylines of what is known, gaps left out. */

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, TALL] = [600, 130];
export const RATE = 5; // actions a second

/** @param {(number | null | undefined)[]} values one a moment @param {number} most the value at the top */
export function linesOf(values, most) {
  const across = WIDE / Math.max(10, values.length - 1);
  const parts = [[]];
  values.forEach((value, k) => {
    if (Number.isFinite(value))
      parts.at(-1).push(`${(k * across).toFixed(1)},${(TALL - (value / most) * TALL).toFixed(1)}`);
    else if (parts.at(-1).length) parts.push([]);
  });
  return parts.filter((part) => part.length).map((part) => part.join(" "));
}

/** The top of an axis: a round number above all values. */
export function roundTop(values) {
  const most = Math.max(0.5, ...values.filter(Number.isFinite));
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((k) => k * unit).find((top) => top >= most);
}

function drawn(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Draw one plot anew: series by name, a cursor at moment `shown`. */
export function drawPlot(figure, series, shown, unit) {
  const all = Object.values(series);
  const count = Math.max(...all.map((values) => values.length), 1);
  const top = roundTop(all.flat());
  const svg = figure.querySelector("svg");
  const nodes = Object.entries(series).flatMap(([name, values]) =>
    linesOf(values, top).map((points) => drawn("polyline", { points, class: `wd-stroke-${name}` })),
  );
  const at = ((shown * WIDE) / Math.max(10, count - 1)).toFixed(1);
  svg.replaceChildren(...nodes, drawn("line", { x1: at, x2: at, y1: 0, y2: TALL }));
  const last = Object.entries(series).map(([name, values]) => {
    const value = values[shown];
    return `${name} ${Number.isFinite(value) ? `${value.toFixed(1)} ${unit}` : "not known"}`;
  });
  svg.setAttribute("aria-label", `At ${(shown / RATE).toFixed(1)} s: ${last.join(", ")}`);
  const [left, right] = figure.querySelectorAll(".wd-axis span");
  left.textContent = `0 … ${top} ${unit}`;
  right.textContent = `${(Math.max(10, count - 1) / RATE).toFixed(0)} s`;
}

/* Every number of the actions over time, each a lane whose points can be dragged.

   Contract: Lanes shows actions (K, A) and says `changed(k, d, value)`; a value is within its limits. Keys do the same as
   dragging: left and right choose an action, up and down change it. */

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, TALL, EDGE] = [1000, 100, 8];
const STEPS = { m: 0.005, rad: 0.02 };

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A value as people read it: cm for metres, degrees for radians. */
export function inWords(value, unit) {
  if (unit === "m") return `${(100 * value).toFixed(1)} cm`;
  if (unit === "rad") return `${((180 / Math.PI) * value).toFixed(0)}°`;
  return value.toFixed(2);
}

/** The share of a lane's height, 0 at the top, at which a value stands; and back. */
export const heightOf = (value, low, high) => (high - value) / (high - low);
export const valueAt = (share, low, high) => Math.min(high, Math.max(low, high - share * (high - low)));

export class Lanes {
  constructor(host, changed) {
    this.host = host;
    this.changed = changed;
    this.at = 0;
    this.rows = [];
  }

  /** The action space, once a scene is laid. */
  lay({ names, units, low, high }) {
    Object.assign(this, { names, units, low, high });
    this.rows = names.map((name, d) => this.row(name, d));
    this.host.replaceChildren(...this.rows.map((row) => row.whole));
  }

  row(name, d) {
    const whole = document.createElement("div");
    whole.className = "wp-lane";
    const title = document.createElement("span");
    title.textContent = name;
    const told = document.createElement("output");
    const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", role: "slider" });
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-label", `${name}: left and right choose an action, up and down change it`);
    svg.setAttribute("aria-valuenow", "0"); // before there are actions
    svg.setAttribute("aria-valuetext", "no actions yet");
    svg.setAttribute("aria-valuemin", this.low[d]);
    svg.setAttribute("aria-valuemax", this.high[d]);
    let dragging = false;
    svg.addEventListener("pointerdown", (event) => {
      if (!this.actions?.length) return;
      event.preventDefault();
      svg.focus({ preventScroll: true });
      svg.setPointerCapture(event.pointerId);
      dragging = true;
      this.drag(event, svg, d, true);
    });
    svg.addEventListener("pointermove", (event) => dragging && this.drag(event, svg, d, false));
    for (const end of ["pointerup", "pointercancel"]) {
      svg.addEventListener(end, () => {
        dragging = false;
      });
    }
    svg.addEventListener("keydown", (event) => this.key(event, d));
    svg.addEventListener("focus", () => this.show(this.actions, this.at));
    whole.append(title, svg, told);
    return { whole, svg, told };
  }

  drag(event, svg, d, first) {
    const box = svg.getBoundingClientRect();
    const count = this.actions.length;
    if (first) this.at = Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * count)));
    const share = ((event.clientY - box.top) / box.height - EDGE / TALL) / (1 - (2 * EDGE) / TALL);
    this.put(d, valueAt(share, this.low[d], this.high[d]));
  }

  key(event, d) {
    const last = (this.actions?.length ?? 0) - 1;
    const go = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last }[event.key];
    const change = { ArrowUp: 1, ArrowDown: -1, PageUp: 4, PageDown: -4 }[event.key];
    if (last < 0 || (go === undefined && change === undefined)) return;
    event.preventDefault();
    if (go !== undefined) {
      this.at = Math.min(last, Math.max(0, this.at + go));
      this.show(this.actions, this.at);
    } else this.put(d, this.actions[this.at][d] + change * (STEPS[this.units[d]] ?? 0.1));
  }

  put(d, value) {
    const step = (STEPS[this.units[d]] ?? 0.1) / 5;
    const kept = Math.min(this.high[d], Math.max(this.low[d], Math.round(value / step) * step));
    this.changed(this.at, d, Number(kept.toFixed(6)));
  }

  show(actions, at = this.at) {
    this.actions = actions;
    this.at = Math.min(Math.max(0, actions.length - 1), at);
    const across = WIDE / Math.max(1, actions.length);
    this.rows.forEach(({ svg, told }, d) => {
      const y = (value) => (EDGE + heightOf(value, this.low[d], this.high[d]) * (TALL - 2 * EDGE)).toFixed(1);
      const spots = actions.map((action, k) => [((k + 0.5) * across).toFixed(1), y(action[d])]);
      const nodes = [shape("line", { x1: 0, x2: WIDE, y1: y(0), y2: y(0), class: "wp-zero" })];
      nodes.push(shape("polyline", { points: spots.map((spot) => spot.join(",")).join(" "), class: "wp-values" }));
      // A dot would be stretched with the lane: a line of no length with round ends is not.
      for (const [k, [x, top]] of spots.entries())
        nodes.push(shape("path", { d: `M${x} ${top}h0.01`, class: k === this.at ? "wp-dot wp-here" : "wp-dot" }));
      svg.replaceChildren(...nodes);
      const value = actions[this.at]?.[d];
      told.textContent = value === undefined ? "" : inWords(value, this.units[d]);
      if (value === undefined) return;
      svg.setAttribute("aria-valuenow", value);
      svg.setAttribute("aria-valuetext", `action ${this.at + 1} of ${actions.length}: ${told.textContent}`);
    });
  }
}

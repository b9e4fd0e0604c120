/* End-effector paths over a frame: what was planned against what happened.

   Contract: a layer draws paths ([{ origin, points: [[x, y] in 0..1], rate, own, fan, delay }]) into its svg and moves them to a
   time; each origin has its own dash and its own marker, so that colour alone tells nothing. */

import { pointAt } from "./timeline.js";

export const PATH_STYLE = {
  imagined: { dash: "6 4", cap: "butt" },
  recorded: { dash: "none", cap: "round" },
  executed: { dash: "0.1 4.5", cap: "round" },
  "contender-1": { dash: "6 4", cap: "butt" },
  "contender-2": { dash: "0.1 4.5", cap: "round" },
  "contender-3": { dash: "6 3 1 3", cap: "butt" },
  "contender-4": { dash: "10 4", cap: "butt" },
};
const SQUARE = ["rect", { x: -4.5, y: -4.5, width: 9, height: 9, rx: 1 }];
const CROSS = ["path", { d: "M-6-3.5-3.5-6 0-2.5 3.5-6 6-3.5 2.5 0 6 3.5 3.5 6 0 2.5-3.5 6-6 3.5-2.5 0z" }];
const MARKERS = {
  imagined: SQUARE,
  recorded: ["circle", { r: 5 }],
  executed: CROSS,
  "contender-1": SQUARE,
  "contender-2": CROSS,
  "contender-3": ["path", { d: "M0-6.5 6.5 0 0 6.5-6.5 0z" }],
  "contender-4": ["path", { d: "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2z" }],
};
const SVG = "http://www.w3.org/2000/svg";

function svgElement(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, text] of Object.entries(attributes)) made.setAttribute(name, text);
  if (parent) parent.append(made);
  return made;
}

/* End-effector paths in one pane. Built when the paths change; update(time) only moves what moves. */
export class PathLayer {
  constructor(svg) {
    this.svg = svg;
    this.lines = [];
    this.key = "";
  }

  /* paths: [{ origin, points: [[x, y] in 0..1], rate, own }]; width, height: the frame they lie in. */
  set(paths, width, height) {
    const key = JSON.stringify([paths, width, height]);
    if (key === this.key) return;
    this.key = key;
    this.width = width;
    this.height = height;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    this.lines = paths.map((path) => {
      const style = PATH_STYLE[path.origin];
      const group = svgElement(
        "g",
        { class: `wv-path wv-${path.origin}${path.own ? " wv-own" : ""}${path.fan ? " wv-fan" : ""}` },
        this.svg,
      );
      const line = (name) =>
        svgElement(
          "polyline",
          {
            class: name,
            points: this.points(path.points),
            "stroke-dasharray": name === "wv-halo" ? "none" : style.dash,
            "stroke-linecap": style.cap,
          },
          group,
        );
      line("wv-halo");
      line("wv-ahead");
      const past = line("wv-past");
      const marker = svgElement("g", { class: "wv-marker" }, group);
      const [shape, form] = MARKERS[path.origin];
      svgElement(shape, form, marker);
      return { path, past, marker };
    });
  }

  points(list) {
    return list.map(([x, y]) => `${(x * this.width).toFixed(2)},${(y * this.height).toFixed(2)}`).join(" ");
  }

  /* Move to a time; pixel: how many units of the frame one screen pixel is. */
  update(time, pixel) {
    for (const { path, past, marker } of this.lines) {
      const own = time - (path.delay || 0);
      const here = pointAt(path, own);
      const done = Math.floor(Math.max(0, Math.min(path.points.length - 1, own * path.rate)));
      past.setAttribute("points", this.points(path.points.slice(0, done + 1).concat([here])));
      marker.setAttribute(
        "transform",
        "translate(" +
          (here[0] * this.width).toFixed(2) +
          " " +
          (here[1] * this.height).toFixed(2) +
          ") scale(" +
          pixel.toFixed(4) +
          ")",
      );
    }
  }
}

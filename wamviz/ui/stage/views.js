/* Drawing: frames onto canvases, two clips into one picture, and end-effector paths over them.

   Contract: pure functions of what they are given; a shot is { clip, k } (clip decoded at k) and every picture is
   fitted into its canvas whole, centred. The difference is |first - second| * gain for each colour, in the first
   clip's own pixels, so equal frames are exactly black. Nothing here knows the clock, the value or the controls. */

const PATH_STYLE = {
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

/* The largest rectangle of width : height inside a canvas. */
function fitted(canvas, width, height) {
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const w = Math.round(width * scale);
  const h = Math.round(height * scale);
  return { x: Math.floor((canvas.width - w) / 2), y: Math.floor((canvas.height - h) / 2), w, h };
}

/* Match the backing store to what the screen can show, so that enlarging is done once and well. */
function resizeCanvas(canvas, shownWidth, shownHeight) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.max(1, Math.min(1536, Math.round(shownWidth * ratio)));
  const height = Math.max(1, Math.min(1536, Math.round(shownHeight * ratio)));
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}

const scratch = new Map();

/* A reusable canvas of a given size, for pixels that are not shown. */
function scratchContext(name, width, height, read = false) {
  let context = scratch.get(name);
  if (!context) {
    context = document.createElement("canvas").getContext("2d", { willReadFrequently: read });
    scratch.set(name, context);
  }
  if (context.canvas.width !== width || context.canvas.height !== height) {
    context.canvas.width = width;
    context.canvas.height = height;
  }
  return context;
}

/* Enlarge a drawing routine's picture: smoothly, or as single pixels of equal size (whole-number blocks first). */
function enlarge(context, box, width, height, pixels, paint) {
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  if (!pixels || box.w <= width) return paint(context, box.x, box.y, box.w, box.h);
  const factor = Math.ceil(box.w / width);
  const blocks = scratchContext("blocks", width * factor, height * factor);
  blocks.imageSmoothingEnabled = false;
  paint(blocks, 0, 0, width * factor, height * factor);
  context.drawImage(blocks.canvas, box.x, box.y, box.w, box.h);
}

function drawShot(canvas, shot, pixels) {
  const context = canvas.getContext("2d");
  const { clip, k } = shot;
  const box = fitted(canvas, clip.width, clip.height);
  context.clearRect(0, 0, canvas.width, canvas.height);
  enlarge(context, box, clip.width, clip.height, pixels, (target, x, y, w, h) => clip.draw(target, k, x, y, w, h));
  return box;
}

/* Two shots in one canvas; returns the rectangle that they fill. */
function drawComparison(canvas, first, second, view, amount, pixels) {
  const context = canvas.getContext("2d");
  const { width, height } = first.clip;
  const box = fitted(canvas, width, height);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const paint = (shot) => enlarge(context, box, width, height, pixels, (target, x, y, w, h) => shot.clip.draw(target, shot.k, x, y, w, h));
  if (view === "difference") {
    const picture = difference(first, second, amount);
    enlarge(context, box, width, height, pixels, (target, x, y, w, h) => target.drawImage(picture, x, y, w, h));
    return box;
  }
  paint(first);
  context.save();
  if (view === "wipe") {
    const edge = Math.round(box.w * amount);
    context.beginPath();
    context.rect(box.x + edge, box.y, box.w - edge, box.h);
    context.clip();
  } else {
    context.globalAlpha = amount;
  }
  paint(second);
  context.restore();
  return box;
}

/* |first - second| * gain, by compositing alone: reading pixels back would wait for the screen each time. */
function difference(first, second, gain) {
  const { width, height } = first.clip;
  const apart = scratchContext("apart", width, height);
  apart.globalCompositeOperation = "copy";
  first.clip.draw(apart, first.k, 0, 0, width, height);
  apart.globalCompositeOperation = "difference";
  second.clip.draw(apart, second.k, 0, 0, width, height);
  const sum = scratchContext("sum", width, height);
  sum.globalCompositeOperation = "copy";
  sum.drawImage(apart.canvas, 0, 0);
  sum.globalCompositeOperation = "lighter";
  for (let left = gain - 1; left > 0; left -= 1) {
    sum.globalAlpha = Math.min(1, left);
    sum.drawImage(apart.canvas, 0, 0);
  }
  sum.globalAlpha = 1;
  return sum.canvas;
}

/* The mean absolute difference of two shots, 0..255, over all pixels and colours of the first one's size. */
function meanDifference(first, second) {
  const { width, height } = first.clip;
  const pixelsOf = (name, { clip, k }) => {
    const context = scratchContext(name, width, height, true);
    clip.draw(context, k, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  };
  const [one, two] = [pixelsOf("one", first), pixelsOf("two", second)];
  let sum = 0;
  for (let k = 0; k < one.length; k += 1) sum += Math.abs(one[k] - two[k]); // opacity is equal everywhere
  return sum / (width * height * 3);
}

function svgElement(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, text] of Object.entries(attributes)) made.setAttribute(name, text);
  if (parent) parent.append(made);
  return made;
}

/* The point of a path at a time; paths are matched by time like everything else. */
function pointAt(path, time) {
  const at = Math.max(0, Math.min(path.points.length - 1, time * path.rate));
  const k = Math.min(Math.floor(at), path.points.length - 2);
  if (path.points.length < 2) return path.points[0];
  const part = at - k;
  const [a, b] = [path.points[k], path.points[k + 1]];
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
}

/* End-effector paths in one pane. Built when the paths change; update(time) only moves what moves. */
class PathLayer {
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
    this.svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    this.svg.replaceChildren();
    this.lines = paths.map((path) => {
      const style = PATH_STYLE[path.origin];
      const group = svgElement("g", { class: "wv-path wv-" + path.origin + (path.own ? " wv-own" : "") }, this.svg);
      const line = (name) => svgElement("polyline", {
        class: name, points: this.points(path.points), "stroke-dasharray": name === "wv-halo" ? "none" : style.dash, "stroke-linecap": style.cap,
      }, group);
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
    return list.map(([x, y]) => (x * this.width).toFixed(2) + "," + (y * this.height).toFixed(2)).join(" ");
  }

  /* Move to a time; pixel: how many units of the frame one screen pixel is. */
  update(time, pixel) {
    for (const { path, past, marker } of this.lines) {
      const here = pointAt(path, time);
      const done = Math.floor(Math.max(0, Math.min(path.points.length - 1, time * path.rate)));
      past.setAttribute("points", this.points(path.points.slice(0, done + 1).concat([here])));
      marker.setAttribute("transform", "translate(" + (here[0] * this.width).toFixed(2) + " " + (here[1] * this.height).toFixed(2) + ") scale(" + pixel.toFixed(4) + ")");
    }
  }
}

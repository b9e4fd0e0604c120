/* The picture that a path is drawn on.

   Contract: Board shows what it is told and says what a hand on it did: `drawn` for a stroke, `moved` and `tapped` for a
   corner, `lifted` for the wheel, `picked` where nothing is meant. It keeps no path of its own. */

import { grips, placeAt, project, simplify } from "./space.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 1000; // of the drawing, each way
const NEAR = 0.008; // m by which a stroke may differ from its corners
const SHORT = 0.01; // m; a stroke that is shorter is a single corner
const NOTCH = 0.01; // m of height

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export class Board {
  /** @param {Element} frame @param {Record<string, Function>} told what to call */
  constructor(frame, told) {
    this.frame = frame;
    this.told = told;
    this.svg = frame.querySelector("svg");
    this.scene = null;
    this.corners = [];
    this.pen = 0.2;
    this.stroke = null;
    this.held = null;
    frame.addEventListener("pointerdown", (event) => this.down(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, (event) => this.up(event));
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  at(event) {
    const box = this.svg.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** The corner under a finger or a pointer; -1 where there is none. */
  under(event) {
    const [u, v] = this.at(event);
    const reach = (event.pointerType === "touch" ? 22 : 13) / this.svg.getBoundingClientRect().width;
    let [best, found] = [reach, -1];
    this.corners.forEach((corner, k) => {
      const [x, y] = project(this.scene.projection, corner.at);
      const far = Math.hypot(x - u, y - v);
      if (far < best) [best, found] = [far, k];
    });
    return found;
  }

  down(event) {
    if (!this.scene || event.button > 0) return;
    event.preventDefault();
    this.frame.focus({ preventScroll: true });
    this.frame.setPointerCapture(event.pointerId);
    const corner = this.under(event);
    if (corner >= 0) {
      this.held = { corner, moved: false, from: this.at(event) };
      this.told.picked(corner);
      return;
    }
    const place = placeAt(this.scene.projection, this.at(event), this.pen);
    if (place) this.stroke = [place];
  }

  move(event) {
    if (this.held) {
      const [u, v] = this.at(event);
      const [x, y] = this.held.from;
      if (!this.held.moved && Math.hypot(u - x, v - y) < 0.008) return;
      this.held.moved = true;
      const place = placeAt(this.scene.projection, [u, v], this.corners[this.held.corner].at[2]);
      if (place) this.told.moved(this.held.corner, place);
    } else if (this.stroke) {
      const place = placeAt(this.scene.projection, this.at(event), this.pen);
      if (place) this.stroke.push(place);
      this.draw();
    }
  }

  up(event) {
    const { held, stroke } = this;
    [this.held, this.stroke] = [null, null];
    if (event.type === "pointercancel") {
      this.draw();
      return;
    }
    if (held && !held.moved) this.told.tapped(held.corner);
    else if (stroke) {
      const long = Math.max(...stroke.map((place) => Math.hypot(...place.map((value, k) => value - stroke[0][k]))));
      this.told.drawn(long < SHORT ? [stroke.at(-1)] : simplify(stroke, NEAR));
    }
  }

  wheel(event) {
    if (!this.scene || event.ctrlKey) return;
    event.preventDefault();
    const notches = event.deltaMode === 0 ? event.deltaY / 100 : event.deltaY / 3;
    this.told.lifted(-Math.sign(notches) * Math.min(3, Math.max(1, Math.round(Math.abs(notches)))) * NOTCH);
  }

  /** Show a scene: its picture and its camera. */
  lay(scene) {
    this.scene = scene;
    const picture = this.frame.querySelector("img");
    picture.hidden = !scene;
    if (scene) picture.src = `data:image/jpeg;base64,${scene.picture}`;
  }

  /** @param {{ corners: object[], chosen: number, foreseen: number[][], astray: number[], edited: boolean }} path */
  show(path) {
    Object.assign(this, path);
    this.draw();
  }

  points(places) {
    return places.map((place) => this.spot(place).join(",")).join(" ");
  }

  spot(place) {
    return project(this.scene.projection, place).map((share) => (share * WIDE).toFixed(1));
  }

  draw() {
    const { scene, corners } = this;
    if (!scene) {
      this.svg.replaceChildren();
      return;
    }
    const nodes = [];
    const floor = ([x, y]) => [x, y, 0];
    const drawn = [scene.start, ...corners.map((corner) => corner.at), ...(this.stroke ?? [])];
    if (!this.edited) {
      nodes.push(shape("polyline", { points: this.points(drawn.map(floor)), class: "wp-shadow" }));
      for (const place of [...corners.map((corner) => corner.at), ...(this.stroke ? [this.stroke.at(-1)] : [])])
        nodes.push(shape("polyline", { points: this.points([place, floor(place)]), class: "wp-stem" }));
      nodes.push(shape("polyline", { points: this.points(drawn), class: "wp-drawn" }));
    }
    const ahead = [scene.start, ...(this.foreseen ?? [])];
    if (ahead.length > 1) nodes.push(shape("polyline", { points: this.points(ahead), class: "wp-foreseen" }));
    const [x, y] = this.spot(scene.start);
    nodes.push(shape("circle", { cx: x, cy: y, r: 13, class: "wp-start" }));
    if (!this.edited) nodes.push(...this.handles());
    this.svg.replaceChildren(...nodes);
  }

  handles() {
    const closed = grips(this.corners, this.scene.gripper);
    return this.corners.flatMap((corner, k) => {
      const [cx, cy] = this.spot(corner.at);
      const kind = ["wp-corner", corner.flip ? "wp-flip" : "", this.astray?.includes(k) ? "wp-astray" : ""];
      if (k === this.chosen) kind.push("wp-chosen");
      const dot = shape("circle", { cx, cy, r: corner.flip ? 15 : 11, class: kind.join(" ") });
      if (!corner.flip) return [dot];
      const label = shape("text", { x: Number(cx) + 22, y: Number(cy) + 10, class: "wp-label" });
      label.textContent = closed[k] ? "close" : "open";
      return [dot, label];
    });
  }
}

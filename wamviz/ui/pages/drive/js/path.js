/* Drawing a path: from strokes on the picture to actions, by way of the server, and every other way to change them.

   Contract: start({ element, props }) runs once for each mounted component. Corners are where the hand goes, metres;
   actions are what will be asked, and the server alone makes them of corners. What is edited by hand stays until
   something is drawn anew. */

import { unpack } from "../../../static/wire.js";
import { ask } from "./ask.js";
import { Board } from "./board.js";
import { Corners } from "./corners.js";
import { Lanes } from "./lanes.js";
import { directions, grips } from "./space.js";

const LOWEST = 0.012; // m
const HIGHEST = 0.6;
const PEN = 0.12; // above most things, below where the hand begins
const MOST = 60; // corners
const PAUSE = 120; // ms without a change before the server is asked

export function start({ element, props }) {
  new Path(element.querySelector(".wp-path"), unpack(props.value) ?? {}).begin();
}

class Path {
  constructor(root, offered) {
    Object.assign(this, { root, offered, scene: null, corners: [], chosen: -1, actions: [], foreseen: [] });
    Object.assign(this, { astray: [], edited: false, asked: 0, pen: 0.2, csv: "", before: [] });
    root.wamvizPath = this; // for the page's own buttons
    this.board = new Board(this.part(".wp-frame"), {
      drawn: (places) => this.extend(places),
      moved: (k, place) => this.put(k, place),
      tapped: (k) => this.flip(k),
      lifted: (by) => this.lift(by),
      picked: (k) => this.pick(k),
    });
    this.lanes = new Lanes(this.part(".wp-lanes"), (k, d, value) => this.edit(k, d, value));
    this.table = new Corners(this.part(".wp-corners"), {
      set: (k, axis, value) => {
        const at = [...this.corners[k].at];
        at[axis] = value;
        this.put(k, at);
      },
      flip: (k) => this.flip(k),
      drop: (k) => this.drop(k),
      pick: (k) => this.pick(k),
    });
  }

  part(selector) {
    return this.root.querySelector(selector);
  }

  begin() {
    const { offered, root } = this;
    const options = (select, pairs) =>
      select.replaceChildren(...pairs.map(([value, label]) => new Option(label, value)));
    const cards = offered.cards ?? [];
    options(
      this.part(".wp-source"),
      cards.map((card) => [card.source, `${card.kind}: ${card.task}`]),
    );
    options(
      this.part(".wp-model"),
      (offered.path_models ?? []).map((one) => [one.id, one.label]),
    );
    if (offered.model) this.part(".wp-model").value = offered.model;
    this.part(".wp-source").addEventListener("change", (event) => this.lay(event.target.value));
    this.part(".wp-model").addEventListener("change", () => this.lay(this.source));
    this.part(".wp-height").addEventListener("input", (event) => this.setHeight(Number(event.target.value) / 100));
    this.part(".wp-speed").addEventListener("change", () => this.plan());
    root.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) this.act(act);
      const tab = event.target.closest("[role=tab]");
      if (tab) this.open(tab.dataset.tab);
    });
    this.part("[role=tablist]").addEventListener("keydown", (event) => this.turn(event));
    this.part(".wp-file").addEventListener("change", (event) => this.read(event.target));
    this.part(".wp-frame").addEventListener("keydown", (event) => this.key(event));
    this.show();
    // The mode may never be opened: the server is asked when the board is first seen.
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      const linked = new URLSearchParams(location.search);
      const first = linked.get("context") || cards[0]?.source;
      if (first) this.lay(first);
      else this.say("There are no shipped episodes here: choose a scene by its seed.");
    });
    seen.observe(root);
  }

  // --- the scene -----------------------------------------------------------------------------------------------------

  async lay(source) {
    this.source = source;
    this.root.dataset.state = "busy";
    this.say("Reading the context …");
    const asked = ++this.asked;
    try {
      const scene = await ask("lay", { source, model: this.model });
      if (asked !== this.asked) return;
      const select = this.part(".wp-source");
      if ([...select.options].some((option) => option.value === source)) select.value = source;
      else {
        select.append(new Option(source, source));
        select.value = source;
      }
      this.scene = scene;
      this.part(".wp-task").placeholder = `e.g. ${scene.task || "pick up the orange"}`;
      this.pen = Math.min(scene.start[2], PEN);
      this.board.lay(scene);
      this.lanes.lay(scene);
      this.columns();
      this.root.dataset.state = "ready";
      this.clear();
    } catch (error) {
      if (asked !== this.asked) return;
      this.scene = null;
      this.board.lay(null);
      this.root.dataset.state = "empty";
      this.clear();
      this.say(error.message, "bad");
    }
  }

  get model() {
    return this.part(".wp-model").value;
  }

  get height() {
    return this.chosen >= 0 ? this.corners[this.chosen].at[2] : this.pen;
  }

  // --- corners -------------------------------------------------------------------------------------------------------

  remember() {
    this.before = [...this.before, this.corners.map((corner) => ({ ...corner }))].slice(-30);
  }

  extend(places) {
    this.remember();
    const room = MOST - this.corners.length;
    this.corners.push(...places.slice(0, room).map((at) => ({ at, flip: false })));
    this.chosen = -1; // the next stroke goes on at the pen's height
    this.changed();
  }

  put(k, at) {
    if (!this.board.held?.moved || this.moving !== this.board.held) this.remember();
    this.moving = this.board.held;
    this.corners[k] = { ...this.corners[k], at: [at[0], at[1], Math.min(HIGHEST, Math.max(LOWEST, at[2]))] };
    this.changed();
  }

  flip(k) {
    this.remember();
    this.corners[k] = { ...this.corners[k], flip: !this.corners[k].flip };
    this.pick(k);
    this.changed();
  }

  drop(k) {
    this.remember();
    this.corners.splice(k, 1);
    this.chosen = -1;
    this.changed();
  }

  pick(k) {
    this.chosen = k;
    this.show();
  }

  lift(by) {
    this.setHeight(this.height + by);
  }

  setHeight(height) {
    const z = Math.min(HIGHEST, Math.max(LOWEST, height));
    if (this.chosen >= 0 && !this.board.stroke) this.put(this.chosen, [...this.corners[this.chosen].at.slice(0, 2), z]);
    else {
      this.pen = z;
      this.show();
    }
  }

  clear() {
    Object.assign(this, { corners: [], chosen: -1, actions: [], foreseen: [], astray: [], edited: false, csv: "" });
    this.asked += 1;
    clearTimeout(this.soon);
    this.show();
    if (this.scene) this.say("Drag on the picture: the hand goes there from where it is.");
  }

  key(event) {
    if (event.target !== this.part(".wp-frame") || !this.scene || event.ctrlKey || event.metaKey || event.altKey)
      return;
    const chosen = this.corners[this.chosen];
    const [right, away] = directions(this.scene.projection, chosen?.at ?? this.scene.start);
    const go = { ArrowRight: [right, 1], ArrowLeft: [right, -1], ArrowUp: [away, 1], ArrowDown: [away, -1] }[event.key];
    const acts = {
      n: () => this.pick((this.chosen + 1) % Math.max(1, this.corners.length)),
      a: () => this.add(),
      PageUp: () => this.lift(0.01),
      PageDown: () => this.lift(-0.01),
      " ": () => chosen && this.flip(this.chosen),
      Delete: () => chosen && this.drop(this.chosen),
      Escape: () => this.pick(-1),
    };
    if (go && chosen) {
      const [way, sign] = go;
      const [x, y, z] = chosen.at;
      this.put(this.chosen, [x + 0.01 * sign * way[0], y + 0.01 * sign * way[1], z]);
    } else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  }

  /** One more corner: where the last one is, a little higher. */
  add() {
    if (!this.scene || this.corners.length >= MOST) return;
    this.remember();
    const [x, y, z] = this.corners.at(-1)?.at ?? this.scene.start;
    this.corners.push({ at: [x, y, Math.min(HIGHEST, z + 0.05)], flip: false });
    this.chosen = this.corners.length - 1;
    this.changed();
  }

  changed() {
    this.edited = false;
    this.show();
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.plan(), PAUSE);
  }

  // --- actions -------------------------------------------------------------------------------------------------------

  async plan() {
    if (!this.scene) return;
    if (!this.corners.length) {
      this.clear();
      return;
    }
    const closed = grips(this.corners, this.scene.gripper);
    const corners = this.corners.map(({ at }, k) => [...at, closed[k]]);
    const speed = Number(this.part(".wp-speed").value);
    const told = await this.told("plan", { corners, speed });
    if (!told) return;
    this.astray = told.astray;
    const off = 100 * told.off;
    const far = told.astray.map((k) => k + 1).join(", ");
    const words = far
      ? `The arm does not get to corner ${far}: another height, or nearer to the robot.`
      : `The arm can follow it${off > 0.15 ? ` to ${off.toFixed(1)} cm` : ""}.`;
    this.sum(words, far ? "warn" : "");
  }

  edit(k, d, value) {
    this.actions[k][d] = value;
    this.edited = true;
    this.lanes.show(this.actions, k);
    this.board.show(this);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.trace(), PAUSE);
  }

  async trace() {
    this.astray = [];
    if (await this.told("trace", { actions: this.actions }))
      this.sum("Edited by hand: drawing again replaces what was edited.");
  }

  async read(field) {
    const [file] = field.files;
    if (!file || !this.scene) return;
    const text = await file.text();
    field.value = "";
    this.corners = [];
    this.edited = true;
    if (await this.told("read", { text })) this.sum(`Read from ${file.name}.`);
  }

  /** Ask, and show what comes back unless something newer was asked meanwhile. */
  async told(verb, body) {
    const asked = ++this.asked;
    try {
      const told = await ask(verb, { source: this.source, model: this.model, ...body });
      if (asked !== this.asked) return null;
      Object.assign(this, { actions: told.actions, foreseen: told.foreseen, csv: told.csv });
      this.show();
      return told;
    } catch (error) {
      if (asked === this.asked) this.say(error.message, "bad");
      return null;
    }
  }

  // --- what is seen --------------------------------------------------------------------------------------------------

  open(name) {
    for (const tab of this.root.querySelectorAll("[role=tab]")) {
      const on = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      this.part(`[data-panel=${tab.dataset.tab}]`).hidden = !on;
    }
  }

  turn(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const tabs = [...this.root.querySelectorAll("[role=tab]")];
    const next = tabs[(tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length];
    this.open(next.dataset.tab);
    next.focus();
  }

  act(act) {
    if (act === "scene") this.lay(`tabletop:${Math.trunc(Number(this.part(".wp-seed").value)) || 0}`);
    else if (act === "clear") {
      this.remember();
      this.clear();
    } else if (act === "undo" && this.before.length) {
      this.corners = this.before.pop();
      this.chosen = -1;
      if (this.corners.length) this.changed();
      else this.clear();
    } else if (act === "add") this.add();
    else if (act === "restore") this.changed();
    else if (act === "example") this.save("actions-example.csv", this.scene?.example);
    else if (act === "save") this.save("actions.csv", this.csv);
  }

  save(name, text) {
    if (!text) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  columns() {
    const items = this.scene.columns.map((words) => {
      const item = document.createElement("li");
      item.textContent = words;
      return item;
    });
    this.part(".wp-columns").replaceChildren(...items);
  }

  say(words, kind = "") {
    const line = this.part(".wp-told");
    line.dataset.kind = kind;
    line.textContent = words;
  }

  sum(words, kind = "") {
    const count = this.actions.length;
    const { longest, why_not_real: why } = this.scene;
    const long = count > longest ? ` The model obeys ${longest} of them.` : "";
    this.say(`${count} actions, ${(count / 5).toFixed(1)} s. ${words}${long}${why ? ` ${why}` : ""}`, kind);
  }

  show() {
    const { corners, chosen, scene } = this;
    this.board.pen = this.pen;
    this.board.show({ corners, chosen, foreseen: this.foreseen, astray: this.astray, edited: this.edited });
    this.lanes.show(this.actions);
    this.table.show(corners, chosen, scene?.gripper ?? 0);
    const slider = this.part(".wp-height");
    slider.value = String(Math.round(1000 * this.height) / 10);
    const whose = chosen >= 0 ? `corner ${chosen + 1}` : "pen";
    slider.setAttribute("aria-valuetext", `${whose} ${(100 * this.height).toFixed(0)} cm above the table`);
    this.part(".wp-at").textContent = `${whose} ${(100 * this.height).toFixed(0)} cm`;
    const lines = (this.csv || scene?.example || "").split("\n");
    this.part(".wp-csv").textContent = lines.slice(0, 6).join("\n") + (lines.length > 7 ? "\n…" : "");
    this.part("[data-act=restore]").hidden = !this.edited || !corners.length;
    this.part("[data-act=undo]").disabled = !this.before.length;
    this.part("[data-act=save]").disabled = !this.csv;
    this.root.dataset.count = String(this.actions.length);
  }

  /** What the page asks when its button is pressed. */
  question() {
    const closed = grips(this.corners, this.scene?.gripper ?? 0);
    return JSON.stringify({
      source: this.source ?? "",
      model: this.model,
      task: this.part(".wp-task").value,
      actions: this.actions,
      corners: this.edited ? [] : this.corners.map(({ at }, k) => [...at, closed[k]]),
    });
  }
}

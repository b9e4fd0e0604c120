/* The cockpit's script: keys, touch and gamepad to actions, answers to pictures.

   Contract: start({ element, props }) runs once for each mounted component. A step is asked for at most once at a time
   (pace.js); the server says what it led to, and nothing is shown that it did not send. */

import { unpack } from "../../../static/wire.js";
import { ask } from "./ask.js";
import { controlOf, heldOn, motionOf } from "./keys.js";
import { median, Pace } from "./pace.js";
import { RATE } from "./plot.js";
import { View } from "./view.js";

const REMEMBERED = 21; // answers whose median is shown

export function start({ element, props }) {
  const drive = new Cockpit(element.querySelector(".wd-drive"), unpack(props.value) ?? {});
  drive.begin();
}

class Cockpit {
  constructor(root, offered) {
    this.root = root;
    this.offered = offered;
    this.view = new View(root);
    this.held = new Set();
    this.padHeld = new Set();
    this.branches = [];
    this.state = {};
    this.shown = 0;
    this.blind = false;
    this.closed = false;
    this.gripPending = false;
    this.waits = [];
    this.pace = new Pace((missed) => this.step(missed));
  }

  get moments() {
    return this.branches[this.state.branch ?? 0] ?? [];
  }

  get stride() {
    return Number(this.root.querySelector(".wd-stride").value) || 1;
  }

  begin() {
    const { root, view, offered } = this;
    const most = offered.most ?? 4;
    const strides = Array.from({ length: most }, (_, k) => [k + 1, k ? `${k + 1} actions` : "1 action"]);
    view.options(root.querySelector(".wd-stride"), strides, 1);
    const models = offered.models ?? [];
    view.options(
      root.querySelector(".wd-model"),
      models.map((one) => [one.id, one.label]),
      offered.model,
    );
    const others = (offered.others ?? []).join(", ");
    root.querySelector(".wd-others").textContent =
      `They answer a question as a whole and do not go on from what they imagined: ${others}.`;
    root.querySelector(".wd-fold").hidden = !others;
    view.cards(offered.cards ?? [], (source, task) => this.pick(source, task));
    const linked = new URLSearchParams(location.search);
    const first = offered.cards?.[0];
    if (linked.get("context") || linked.get("run")) this.pick(linked.get("context") || linked.get("run"), "");
    else if (first) this.pick(first.source, first.task);
    view.controls(this.state, false);
    if (!models.length) view.say("None of the models here can be driven.", "bad");
    this.hear();
    this.beat();
  }

  pick(source, task) {
    this.source = source;
    this.root.querySelector(".wd-task").value = task;
    this.view.picked(source);
  }

  // --- hearing -------------------------------------------------------------------------------------------------------

  hear() {
    const { root } = this;
    root.querySelector(".wd-setup").addEventListener("submit", (event) => {
      event.preventDefault();
      this.open();
    });
    root.addEventListener("click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act) this.act(act);
      // A key of the pad that was pressed by Enter or by a screen reader, and not by a finger.
      const control = event.target.closest("[data-control]")?.dataset.control;
      if (control && event.detail === 0) this.tap(control);
    });
    const see = root.querySelector(".wd-see");
    see.addEventListener("keydown", (event) => this.keyDown(event));
    document.addEventListener("keyup", (event) => this.held.delete(controlOf({ key: event.key })));
    addEventListener("blur", () => this.held.clear());
    for (const key of root.querySelectorAll("[data-control]")) this.hearTouch(key);
    root.querySelector(".wd-scrub").addEventListener("input", (event) => {
      this.stop();
      this.show(Number(event.target.value));
    });
    root.querySelector(".wd-branch").addEventListener("change", (event) => this.switch(Number(event.target.value)));
    for (const svg of root.querySelectorAll(".wd-plot svg")) {
      svg.addEventListener("click", (event) => {
        const share = event.offsetX / svg.clientWidth;
        this.show(Math.min(this.moments.length - 1, Math.round(share * Math.max(10, this.moments.length - 1))));
      });
    }
    addEventListener("pagehide", () => {
      if (!this.state.session) return;
      const body = new Blob([JSON.stringify({ session: this.state.session })], { type: "application/json" });
      navigator.sendBeacon("driving/close", body);
    });
  }

  hearTouch(key) {
    const { control } = key.dataset;
    const off = () => {
      this.held.delete(control);
      delete key.dataset.held;
    };
    key.addEventListener("pointerdown", (event) => {
      if (key.disabled) return;
      event.preventDefault();
      key.setPointerCapture(event.pointerId);
      key.dataset.held = "";
      this.press(control);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) key.addEventListener(name, off);
  }

  keyDown(event) {
    if (event.target.matches("input, select, textarea") || !this.state.session) return;
    const command = event.ctrlKey || event.metaKey || event.altKey;
    const acts = { Backspace: "back", b: "branch", v: "blind" };
    const control = controlOf({ key: event.key, command });
    if (event.target.matches("button") && [" ", "Enter"].includes(event.key)) return; // it is the button's
    if (control) {
      event.preventDefault();
      if (!event.repeat) this.press(control);
    } else if (!command && acts[event.key]) {
      event.preventDefault();
      this.act(acts[event.key]);
    }
  }

  press(control) {
    if (!this.state.session) return;
    this.stop();
    if (control === "grip") this.grip();
    else this.held.add(control);
    this.want();
  }

  tap(control) {
    this.press(control);
    this.held.delete(control);
  }

  grip() {
    this.closed = !this.closed;
    this.gripPending = true;
    this.view.gripper(this.closed);
  }

  /** At the model's rate, for as long as something is held; a page that is gone hears nothing more. */
  beat() {
    if (!this.root.isConnected) return;
    this.hearGamepad();
    this.want(true);
    clearTimeout(this.next);
    this.next = setTimeout(() => this.beat(), (1000 / RATE) * this.stride);
  }

  hearGamepad() {
    const now = new Set(heldOn([...(navigator.getGamepads?.() ?? [])].find(Boolean) ?? null));
    if (this.state.session && now.has("grip") && !this.padHeld.has("grip")) this.grip();
    this.padHeld = now;
  }

  // --- stepping ------------------------------------------------------------------------------------------------------

  want(beating = false) {
    if (!this.state.session) return;
    const motion = motionOf([...this.held, ...this.padHeld], this.state.axes, this.speed());
    if (!motion && !this.gripPending) return;
    if (!beating) {
      clearTimeout(this.next);
      this.next = setTimeout(() => this.beat(), (1000 / RATE) * this.stride);
    }
    this.motion = motion ?? [0, 0, 0, 0, 0, 0];
    this.pace.want().then((sent) => sent || this.numbers());
  }

  speed() {
    return Number(this.root.querySelector(".wd-speed").value);
  }

  async step(missed) {
    const pressed = performance.now();
    this.gripPending = false;
    const action = [...this.motion, Number(this.closed)];
    const actions = Array.from({ length: this.stride }, () => action);
    try {
      const told = await ask("step", { session: this.state.session, actions, missed });
      this.take(told);
      this.moments.push(...told.moments);
      await this.play(this.moments.length - told.moments.length, told.moments.length > 1);
      this.waits = [...this.waits, performance.now() - pressed].slice(-REMEMBERED);
      this.numbers();
      if (this.moments.at(-1).done && !this.moments.at(-1 - told.moments.length).done)
        this.view.say("Task done, says physics.", "good");
    } catch (error) {
      this.fail(error);
    }
  }

  /** Show moments from `first` to the end; several of them at the model's rate. */
  async play(first, paced) {
    this.show(first);
    await this.root
      .querySelector(".wd-imagined img")
      .decode()
      .catch(() => null);
    if (paced) this.run(first + 1);
  }

  run(next) {
    this.stop();
    if (next >= this.moments.length) return;
    this.root.querySelector("[data-act=play]").textContent = "Pause";
    this.playing = setTimeout(() => {
      this.show(next);
      this.run(next + 1);
    }, 1000 / RATE);
  }

  stop() {
    clearTimeout(this.playing);
    this.playing = null;
    this.root.querySelector("[data-act=play]").textContent = "Play";
  }

  // --- acting --------------------------------------------------------------------------------------------------------

  async act(act) {
    const { session } = this.state;
    if (act === "scene") {
      this.pick(`tabletop:${Math.trunc(Number(this.root.querySelector(".wd-seed").value)) || 0}`, "");
      return;
    }
    if (!session) return;
    if (act === "play") {
      if (this.playing) this.stop();
      else this.run(this.shown >= this.moments.length - 1 ? 0 : this.shown + 1);
    } else if (act === "blind") {
      this.blind = !this.blind;
      this.root.querySelector("[data-act=blind]").setAttribute("aria-pressed", String(this.blind));
      this.show(this.shown);
    } else if (act === "back") await this.cut(Math.max(0, this.moments.length - 1 - RATE));
    else if (act === "rewind") await this.cut(this.shown);
    else if (act === "reset") await this.cut(0);
    else await this.ask(act);
    if (["blind", "back", "rewind", "reset", "branch"].includes(act)) this.focus();
  }

  async ask(act) {
    try {
      if (act === "branch") {
        const moment = this.shown;
        const kept = this.moments.slice(0, moment + 1);
        const told = await ask("branch", { session: this.state.session, moment });
        this.branches.push(kept);
        this.take(told);
        this.view.say(`Branch ${told.branch + 1} goes on from ${(moment / RATE).toFixed(1)} s; the others stay.`);
        this.show(moment);
      } else if (act === "reveal") {
        const told = await ask("reveal", { session: this.state.session });
        this.branches[told.branch] = told.moments;
        this.take(told);
        this.view.result(told.moments, told.task);
        this.show(0);
        this.run(1);
      } else if (act === "keep") {
        this.view.say("Physics does all of it once more, measured. This takes a while …");
        const told = await ask("keep", { session: this.state.session });
        this.view.kept(told.run);
        this.view.say("Kept.", "good");
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Take back what came after a moment. */
  async cut(moment) {
    try {
      const told = await ask("rewind", { session: this.state.session, moment });
      this.moments.length = moment + 1;
      this.take(told);
      this.show(moment);
    } catch (error) {
      this.fail(error);
    }
  }

  async switch(branch) {
    try {
      this.take(await ask("switch", { session: this.state.session, branch }));
      this.show(this.moments.length - 1);
    } catch (error) {
      this.fail(error);
    }
  }

  async open() {
    const { root, view } = this;
    const [model, task, hidden] = [".wd-model", ".wd-task", ".wd-hidden"].map((name) => root.querySelector(name));
    const before = this.state.session;
    this.stop();
    this.state = {};
    view.say("Looking at the start …");
    root.querySelector(".wd-kept").hidden = true;
    try {
      if (before) await ask("close", { session: before }).catch(() => null);
      const told = await ask("open", {
        source: this.source ?? "",
        model: model.value,
        hidden: hidden.checked,
        ...(task.value.trim() ? { task: task.value } : {}),
      });
      this.branches = [told.moments];
      this.waits = [];
      this.state = { session: told.session };
      this.take(told);
      task.value = told.task;
      this.show(0);
      const goal = told.hidden ? `Do this: “${told.task}”. Then reveal what happened.` : "Drive with the keys.";
      view.say([goal, told.why_not_real, told.hidden ? "" : told.why_no_task].filter(Boolean).join(" "));
      this.focus();
    } catch (error) {
      view.controls({}, false);
      view.say(error.message, "bad");
    }
  }

  /** What the server says of the drive as a whole. */
  take(told) {
    this.state = { ...this.state, ...told, moments: undefined };
    this.closed = this.gripPending ? this.closed : told.gripper > 0.5;
    this.view.gripper(this.closed);
    this.view.controls(this.state, true);
  }

  show(moment) {
    this.shown = moment;
    this.view.show(this.moments, moment, this.state, this.blind);
    this.numbers();
  }

  numbers() {
    const dropped = (this.state.dropped ?? 0) + this.pace.missed;
    this.view.numbers({ ...this.state, dropped }, this.moments, this.shown, median(this.waits), this.blind);
  }

  focus() {
    this.root.querySelector(".wd-screens").focus({ preventScroll: true });
  }

  /** A dropped step goes on; a drive that is over has to be started anew. */
  fail(error) {
    if (error.status === 409) {
      this.state.dropped += 1; // by the server, which counts it too
      this.numbers();
      return;
    }
    this.held.clear();
    if (error.status === 404) {
      this.state = {};
      this.view.controls({}, false);
    }
    this.view.say(error.message, "bad");
  }
}

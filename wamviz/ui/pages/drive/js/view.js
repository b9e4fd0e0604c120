/* What the cockpit shows. All words and numbers are written as text. */

import { scoreOf } from "./pace.js";
import { drawPlot, RATE } from "./plot.js";

const JPEG = "data:image/jpeg;base64,";

export class View {
  constructor(root) {
    this.root = root;
    this.statusLine = root.querySelector(".wd-status");
    this.scrub = root.querySelector(".wd-scrub");
  }

  part(selector) {
    return this.root.querySelector(selector);
  }

  /** kind: "", "good" or "bad" */
  say(words, kind = "") {
    this.statusLine.dataset.kind = kind;
    this.statusLine.textContent = words;
  }

  /** The buttons of where a drive can start. */
  cards(cards, pick) {
    const nodes = cards.map((card) => {
      const [button, img, kind] = ["button", "img", "span"].map((tag) => document.createElement(tag));
      Object.assign(button, { type: "button", className: "wd-card", title: card.task });
      button.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-label", card.task);
      Object.assign(img, { src: card.picture, alt: "" });
      kind.textContent = card.kind;
      button.append(img, kind);
      button.addEventListener("click", () => pick(card.source, card.task));
      button.dataset.source = card.source;
      return button;
    });
    this.part(".wd-cards").replaceChildren(...nodes);
  }

  /** Mark where a drive will start. */
  picked(source) {
    let picture = "";
    for (const card of this.root.querySelectorAll(".wd-card")) {
      const chosen = card.dataset.source === source;
      card.setAttribute("aria-pressed", String(chosen));
      if (chosen) picture = card.querySelector("img").src;
    }
    // Faded, for it is where a drive would start and nobody has imagined it.
    const veil = "linear-gradient(rgb(128 128 128 / .35), rgb(128 128 128 / .35))";
    this.part(".wd-invite").style.backgroundImage = picture ? `${veil}, url(${JSON.stringify(picture)})` : "";
    this.part(".wd-source").textContent = source ? `Starts at ${source}` : "";
  }

  options(select, pairs, chosen) {
    const nodes = pairs.map(([value, label]) => new Option(label, value, false, String(value) === String(chosen)));
    select.replaceChildren(...nodes);
  }

  /** Moment `shown` of a branch's moments. */
  show(moments, shown, state, blind) {
    const moment = moments[shown];
    if (!moment) return;
    const [dream, real] = [this.part(".wd-imagined img"), this.part(".wd-executed img")];
    dream.src = JPEG + moment.dream;
    dream.hidden = false;
    const covered = state.hidden || blind;
    real.hidden = covered || !moment.real;
    if (!real.hidden) real.src = JPEG + moment.real;
    else real.removeAttribute("src");
    const why = state.hidden
      ? "Hidden until you reveal it."
      : blind
        ? "Covered. Show it with “Dream alone”."
        : state.why_not_real;
    this.part(".wd-missing").textContent = real.hidden ? why : "";
    this.part(".wd-verdict").textContent = !covered && moment.done ? "task done" : "";
    this.scrub.max = String(moments.length - 1);
    this.scrub.value = String(shown);
    const [at, end] = [shown, moments.length - 1].map((k) => (k / RATE).toFixed(1));
    this.scrub.setAttribute("aria-valuetext", `${at} of ${end} seconds`);
    this.part(".wd-at").textContent = `${at} of ${end} s`;
    const seen = covered ? [] : moments;
    const [places, pixels, picture] = ["places", "pixels", "picture"].map((name) => this.part(`[data-plot=${name}]`));
    const of = (name) => seen.map((one) => one[name]);
    drawPlot(places, { hand: of("hand"), thing: of("thing") }, shown, "cm");
    drawPlot(pixels, { hand: of("hand_px"), thing: of("thing_px") }, shown, "px");
    drawPlot(picture, { picture: of("picture") }, shown, "%");
  }

  /** The line of numbers: what was done, how soon it was answered, how far off it is. */
  numbers(state, moments, shown, wait, blind) {
    const words = [`${moments.length - 1} actions`, `${state.dropped} dropped`];
    if (wait !== null) words.push(`a key answered in ${Math.round(wait)} ms (median)`);
    const { hand, thing, which, picture, hand_px, thing_px } = moments[shown] ?? {};
    const seen = (px) => (Number.isFinite(px) ? ` (${px.toFixed(1)} px)` : "");
    if (!state.hidden && !blind) {
      if (Number.isFinite(hand)) words.push(`hand ${hand.toFixed(1)} cm${seen(hand_px)} off`);
      if (Number.isFinite(thing)) words.push(`${which.replace("_", " ")} ${thing.toFixed(1)} cm${seen(thing_px)} off`);
      if (Number.isFinite(picture)) words.push(`pictures differ by ${picture.toFixed(1)} %`);
    }
    this.part(".wd-numbers").textContent = words.join(" · ");
  }

  /** Buttons and menus, as the drive stands. */
  controls(state, going) {
    this.root.dataset.state = going ? "driving" : "idle";
    for (const button of this.root.querySelectorAll(".wd-see .wd-button, .wd-key")) button.disabled = !going;
    this.part("[data-act=reveal]").hidden = !state.hidden;
    this.part("[data-act=blind]").hidden = Boolean(state.hidden || state.why_not_real);
    this.part("[data-act=keep]").hidden = Boolean(state.hidden);
    const lengths = state.lengths ?? [0];
    this.part(".wd-branches").hidden = lengths.length < 2;
    const pairs = lengths.map((length, k) => [k, `${k + 1}: ${(length / RATE).toFixed(1)} s`]);
    this.options(this.part(".wd-branch"), pairs, state.branch);
  }

  gripper(closed) {
    this.part(".wd-grip").textContent = closed ? "Open gripper" : "Close gripper";
  }

  /** How a challenge went. */
  result(moments, task) {
    const { done, seconds, points } = scoreOf(moments, RATE);
    const took = seconds.toFixed(1);
    const words = done ? `Done after ${took} s` : `Not done in ${took} s`;
    this.say(`“${task}”: ${words}. Score ${points}. Physics plays from the start.`, done ? "good" : "bad");
  }

  kept(run) {
    const line = this.part(".wd-kept");
    const link = document.createElement("a");
    link.href = `./?run=${encodeURIComponent(run)}`;
    link.textContent = `run ${run}`;
    link.dataset.testid = "drive-permalink";
    line.replaceChildren("Kept as ", link, ": with its measures, downloads and permalink.");
    line.hidden = false;
  }
}

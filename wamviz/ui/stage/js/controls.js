/* The controls: everything of the player that is pressed or pulled, as it stands.

   Contract: Controls(root, player) finds its parts in stage.html; show() shows the state of the buttons, amount() the
   slider of a comparison, samples() and lanes() what depends on the value, clock() the time, nothing() that there is
   none. It changes nothing of the player; stage.js hears what is pressed. */

import { made, setPressed, setText } from "./dom.js";
import { hasVideo } from "./timeline.js";
import { amountOf, clockWords, delayWords, ordinal, sampleWords, VIEW_WORDS } from "./words.js";

const MOST_CHIPS = 9; // more samples than keys: a menu

export class Controls {
  constructor(root, player) {
    Object.assign(this, { root, player });
    this.one = (selector, inside = root) => inside.querySelector(selector);
    this.scrub = this.one(".wv-scrub");
  }

  act(name) {
    return this.one(`[data-act="${name}"]`);
  }

  show() {
    const { player, root } = this;
    const some = player.frames > 1;
    this.one(".wv-play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
    root.dataset.playing = String(player.playing);
    this.scrub.disabled = player.frames < 1;
    for (const name of ["play", "back", "forward", "mark-a", "mark-b"]) this.act(name).disabled = !some;
    this.act("save").disabled = !player.frames;
    this.act("recorded").disabled = !player.panes.recorded.samples.length;
    setPressed(this.act("loop"), player.loop);
    setPressed(this.act("mark-a"), player.a !== null);
    setPressed(this.act("mark-b"), player.b !== null);
    setPressed(this.act("recorded"), !player.hidden);
    setPressed(this.act("paths"), player.showPaths);
    setPressed(this.act("pixels"), player.pixels);
    setPressed(this.act("fullscreen"), document.fullscreenElement === root);
    for (const button of root.querySelectorAll("[data-view]")) setPressed(button, button.dataset.view === player.view);
    this.one('[data-view="samples"]').hidden = player.samples < 2 || player.several > 0;
    this.one(".wv-speed").value = String(player.speed);
    const [from, to] = player.bounds;
    const last = Math.max(1, player.frames - 1);
    const range = this.one(".wv-range-ab");
    if (range) {
      range.hidden = !player.loop || (player.a === null && player.b === null);
      range.style.left = `${(100 * from) / last}%`;
      range.style.width = `${(100 * (to - from)) / last}%`;
    }
  }

  amount() {
    const { player } = this;
    const host = this.one(".wv-amount");
    const words = VIEW_WORDS[player.view];
    host.classList.toggle("wv-idle", !words);
    const slider = this.one("input", host);
    slider.disabled = !words;
    host.hidden = false;
    if (!words) return;
    const { min, max, step, value, shown, done } = amountOf(player.view, player.amounts[player.view]);
    Object.assign(slider, { min, max, step });
    slider.value = value;
    slider.setAttribute("aria-valuetext", shown);
    slider.style.setProperty("--wv-done", done);
    setText(this.one(".wv-amount-name"), words.amount);
    setText(this.one(".wv-amount-value"), shown);
  }

  samples() {
    const { player } = this;
    const host = this.one(".wv-samples");
    const clips = player.panes[player.main].samples;
    const places = new Map(player.ranking.map(({ sample, why }, k) => [sample, `, ${ordinal(k + 1)}: ${why}`]));
    const told = (clip, k) => sampleWords(clip, k) + (places.get(k) || "");
    const key = clips.map(told).join("|") + clips.length;
    host.hidden = clips.length < 2;
    if (host.dataset.key !== key) {
      host.dataset.key = key;
      host.replaceChildren(
        ...(clips.length > MOST_CHIPS ? [menuOf(clips, told)] : clips.map((clip, k) => chipOf(clip, k, told))),
      );
    }
    for (const [k, chip] of host.querySelectorAll(".wv-chip").entries()) {
      setPressed(chip, k === player.sample);
      chip.toggleAttribute("data-best", player.ranking[0]?.sample === k);
    }
    for (const select of host.querySelectorAll("select")) select.value = String(player.sample);
  }

  /* Thin bars over the scrubber: how far each clip goes, and the A-B range. */
  lanes() {
    const { player } = this;
    const last = Math.max(1, player.frames - 1) / player.fps;
    const shown = player.origins.filter((origin) => player.playable(origin));
    const bars = shown.map((origin) => {
      const clip = player.spec(origin);
      const bar = made("span", { className: `wv-lane wv-${origin}` });
      const from = Math.max(0, player.delayOf(origin)) / last;
      const to = ((clip.frames - 1) / clip.fps + player.delayOf(origin)) / last;
      bar.style.left = `${Math.min(100, 100 * from)}%`;
      bar.style.width = `${100 * Math.max(0, Math.min(1, to) - from)}%`;
      return bar;
    });
    this.one(".wv-lanes").replaceChildren(made("span", { className: "wv-range-ab" }), ...bars);
  }

  /* By how much the recording is shifted; the row is there where it was asked for, or is not 0. */
  delay() {
    const { player } = this;
    const row = this.one(".wv-delay");
    const can = player.panes.recorded.samples.some(hasVideo) && !this.root.hasAttribute("data-alone");
    this.act("delay").hidden = !can;
    row.hidden = !can || !(player.showDelay || player.delay);
    setPressed(this.act("delay"), !row.hidden);
    const slider = this.one("input", row);
    slider.step = String(1 / player.fps);
    slider.value = String(player.delay);
    slider.setAttribute("aria-valuetext", delayWords(player.delay));
    slider.style.setProperty("--wv-done", `${50 + (50 * player.delay) / Number(slider.max)}%`);
    setText(this.one(".wv-delay-value"), delayWords(player.delay));
    this.act("delay-none").hidden = !player.delay;
  }

  clock() {
    const { player, root, scrub } = this;
    const last = Math.max(0, player.frames - 1);
    const words = clockWords(player.frame, player.frames, player.fps);
    scrub.max = String(last);
    scrub.value = String(player.frame);
    scrub.setAttribute("aria-valuetext", words);
    scrub.style.setProperty("--wv-done", last ? `${(100 * player.frame) / last}%` : "0%");
    setText(this.one(".wv-time"), words);
    const seconds = (player.frame / player.fps).toFixed(2);
    Object.assign(root.dataset, { frame: String(player.frame), frames: String(player.frames), time: seconds });
    delete root.dataset.waiting;
  }

  /* Nothing to play yet. */
  nothing() {
    this.scrub.max = "0";
    this.scrub.setAttribute("aria-valuetext", "no frames yet");
    setText(this.one(".wv-time"), "no frames yet");
    Object.assign(this.root.dataset, { frame: "0", frames: "0", time: "0.00" });
  }
}

function menuOf(clips, told) {
  const options = clips.map((clip, k) => new Option(told(clip, k), String(k)));
  const select = made("select", { className: "wv-select" }, ...options);
  select.setAttribute("aria-label", "Sample");
  return select;
}

function chipOf(clip, k, told) {
  const words = told(clip, k);
  const chip = made("button", { type: "button", className: "wv-chip", title: `${words} (${k + 1})` }, String(k + 1));
  chip.dataset.sample = String(k);
  chip.setAttribute("aria-label", words);
  return chip;
}

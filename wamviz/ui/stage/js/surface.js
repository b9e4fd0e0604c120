/* The surface: everything of the player that is seen.

   Contract: Surface(root, options) finds its parts in stage.html; layout() rebuilds what depends on the value and the
   view, present(shots) shows one frame, controls() and amount() show the state of the controls. Text of people is
   only ever written with textContent. data-* attributes on the stage say what is shown, for tests and for people who
   script it: data-state, data-frame, data-frames, data-time, data-view, data-sample, data-playing, data-drift, and on
   each pane data-frame and data-state (shown, ended, missing, loading, failed, hidden). */

import { parametersOf, withParameters } from "./addresses.js";
import { Controls } from "./controls.js";
import { setText } from "./dom.js";
import { Grid } from "./grid.js";
import { PathLayer } from "./paths.js";
import { PlotCursors } from "./plots.js";
import { hasVideo } from "./timeline.js";
import { drawComparison, drawShot, fitted, meanDifference, resizeCanvas } from "./views.js";
import { missingWords, progressWords, shotWords, VIEW_WORDS } from "./words.js";

export class Surface {
  constructor(root, options) {
    const one = (selector, inside = root) => inside.querySelector(selector);
    Object.assign(this, { root, one, all: (selector) => [...root.querySelectorAll(selector)] });
    this.alone = options.alone;
    this.parts = {};
    for (const pane of this.all(".wv-pane")) {
      this.parts[pane.dataset.pane] = {
        pane,
        canvas: one("canvas", pane),
        screen: one(".wv-screen", pane),
        missing: one(".wv-missing", pane),
        mark: one(".wv-mark", pane),
        at: one(".wv-at", pane),
        name: one(".wv-name", pane),
        verdict: one(".wv-verdict", pane),
        weights: one(".wv-weights", pane),
        paths: new PathLayer(one(".wv-paths", pane)),
      };
    }
    this.grid = new Grid(one(".wv-grid"));
    this.cursors = new PlotCursors(options.plots, (seconds) => this.player.seekTime(seconds), options.signal);
    this.sizes = new ResizeObserver(() => this.resized());
    for (const { screen } of Object.values(this.parts)) this.sizes.observe(screen);
    options.signal.addEventListener("abort", () => {
      this.sizes.disconnect();
      this.grid.sizes.disconnect();
    });
  }

  /* The player whose state is shown; set once, because each needs the other. */
  follow(player) {
    this.player = player;
    this.buttons = new Controls(this.root, player);
  }

  text(selector, words) {
    setText(typeof selector === "string" ? this.one(selector) : selector, words);
  }

  say(words) {
    this.text('[role="status"]', words);
  }

  controls() {
    this.buttons.show();
  }

  amount() {
    this.buttons.amount();
  }

  /* --- what depends on the value and the view ----------------------------------------------------------- */

  layout() {
    const { player, root } = this;
    const words = VIEW_WORDS[player.view];
    this.text(".wv-instruction", player.meta.instruction);
    this.one(".wv-instruction").title = player.meta.instruction;
    this.text(".wv-meta", player.preview ? "" : player.meta.detail);
    this.text(".wv-note", player.meta.note);
    this.live();
    const shape = player.origins.map((origin) => player.spec(origin)).find((clip) => clip?.width && clip.height);
    root.style.setProperty(
      "--wv-aspect",
      shape ? String(Math.min(2.4, Math.max(0.6, shape.width / shape.height))) : "1",
    );
    const pair = player.visible();
    const rest = player.origins.filter((origin) => !pair.includes(origin)); // they make room for the comparison
    for (const origin of player.origins) {
      this.missing(origin, rest.includes(origin) && (player.view !== "side-by-side" || Boolean(player.solo)));
    }
    this.one(".wv-panes").hidden = player.gridded;
    this.grid.layout(player);
    this.columns();
    const compare = this.parts.compare;
    compare.pane.hidden = !player.compared;
    const place = player.several ? -1 : 2 * player.origins.indexOf(rest[0]);
    compare.pane.style.order = player.compared ? String(place) : "";
    for (const [k, origin] of player.origins.entries()) this.parts[origin].pane.style.order = String(2 * k);
    if (words) this.compare(words, pair);
    this.buttons.samples();
    this.buttons.lanes();
    this.buttons.delay();
    this.cursors.shift(player.delay);
    this.controls();
    this.amount();
    this.resized(false);
    root.dataset.state = player.preview ? "imagining" : player.frames ? "ready" : "empty";
    root.dataset.view = player.view;
    root.dataset.sample = String(player.sample);
    this.text(".wv-chunk", `${player.chunk} frames back, forward`);
    if (!player.frames) this.nothing();
  }

  /* A pane without a picture needs no more room than its reason; one alone may be as large as the screen. */
  columns() {
    const shown = this.player.origins.map((origin) => this.parts[origin].pane).filter((pane) => !pane.hidden);
    const empty = shown.map((pane) => ["missing", "hidden"].includes(pane.dataset.state));
    const some = empty.some((is) => !is);
    const shares = empty.map((is) => (is && some ? 0.45 : 1));
    this.root.style.setProperty("--wv-columns", shares.map((share) => `minmax(0, ${share}fr)`).join(" ") || "none");
    this.root.style.setProperty("--wv-shown", String(shares.reduce((sum, share) => sum + share, 0) || 1));
    if (this.player.solo) this.root.dataset.solo = this.player.solo;
    else delete this.root.dataset.solo;
  }

  /* The clip has begun anew: a playlist may go on. */
  looped() {
    this.root.dispatchEvent(new CustomEvent("wamviz-loop", { bubbles: true }));
  }

  /* Why a pane shows no picture, in words. */
  missing(origin, replaced) {
    const { player } = this;
    const part = this.parts[origin];
    const { samples, missing, verdict, weights, name, absent } = player.panes[origin];
    const hidden = origin === "recorded" && player.hidden && samples.length > 0;
    const error = player.clips[origin]?.error;
    const [why, state] = missingWords({ name, missing, clip: player.spec(origin), error, hidden });
    part.pane.hidden = replaced || absent;
    this.text(part.name, name);
    part.pane.dataset.state = state;
    part.missing.hidden = !why;
    this.text(part.missing, why);
    part.canvas.hidden = Boolean(why);
    if (why) {
      this.text(part.at, "");
      part.mark.hidden = true;
      part.paths.set([], 1, 1);
      delete part.pane.dataset.frame;
    }
    this.remark(part.weights, weights);
    this.remark(part.verdict, verdict);
  }

  /* A line that is there only where there is something to say. */
  remark(line, words) {
    if (!line) return;
    this.text(line, words);
    line.hidden = !words;
  }

  compare(words, pair) {
    const { player } = this;
    this.text(".wv-compare-name", words.title);
    this.text(".wv-joint", words.joint);
    for (const [side, select] of this.all("[data-pick]").entries()) this.choices(select, pair[side]);
    const absent = pair.find((origin) => !player.playable(origin));
    const part = this.parts.compare;
    const why = absent ? `This view needs two clips. ${this.parts[absent].missing.textContent || ""}` : "";
    part.missing.hidden = !why;
    this.text(part.missing, why);
    part.canvas.hidden = Boolean(why);
    part.pane.dataset.state = why ? "missing" : "shown";
    for (const [side, selector] of [".wv-corner-a", ".wv-corner-b"].entries()) {
      this.one(selector).hidden = Boolean(why) || player.view !== "wipe";
      this.text(selector, player.panes[pair[side]].name);
    }
    this.one(".wv-divider").hidden = Boolean(why) || player.view !== "wipe";
  }

  /* The menu of clips that can be compared. */
  choices(select, chosen) {
    const { panes, origins } = this.player;
    const there = origins.filter((origin) => !panes[origin].absent);
    const key = there.map((origin) => panes[origin].name).join();
    if (select.dataset.key !== key) {
      select.replaceChildren(...there.map((origin) => new Option(panes[origin].name, origin)));
      select.dataset.key = key;
    }
    for (const option of select.options) option.disabled = !panes[option.value].samples.some(hasVideo);
    select.value = chosen;
  }

  live() {
    const { preview } = this.player;
    this.one(".wv-live").hidden = !preview;
    if (!preview) {
      if (this.wasLive) this.say("Imagined.");
      this.wasLive = false;
      return;
    }
    const { step, left } = progressWords(preview);
    this.text(".wv-live-text", `imagining, ${step}${left}`);
    this.one(".wv-bar > span").style.width = `${(100 * preview.step) / Math.max(1, preview.steps)}%`;
    // A screen reader hears the beginning and every fourth step, not a torrent.
    if (!this.wasLive || preview.step % 4 === 0) this.say(`Imagining, ${step}`);
    this.wasLive = true;
  }

  /* --- one frame -------------------------------------------------------------------------------------------- */

  present(shots, cells) {
    const { player, root } = this;
    for (const origin of player.origins) if (shots[origin]) this.presentPane(origin, shots[origin]);
    this.grid.present(cells);
    if (player.compared) this.presentComparison(shots);
    this.clock();
    root.dataset.drift = player.metrics.drift.toFixed(3);
    const drift = player.metrics.drift.toFixed(2);
    this.text(".wv-sync", Object.keys(shots).length > 1 && drift !== "0.00" ? `drift ${drift} frames` : "");
  }

  presentPane(origin, shot) {
    const { player } = this;
    const part = this.parts[origin];
    const { name, live } = player.panes[origin];
    if (this.alone) [part.clip, part.missing.hidden] = [shot.clip, true];
    const drawn = player.visible().includes(origin);
    if (drawn) drawShot(part.canvas, shot, player.pixels);
    part.mark.hidden = !shot.ended && !shot.early && !(player.preview && (origin === "imagined" || live));
    this.text(part.mark, shot.ended ? "ended" : shot.early ? "not begun" : player.preview ? "imagining" : "");
    part.mark.classList.toggle("wv-mark-live", Boolean(player.preview) && !shot.ended && !shot.early);
    part.pane.dataset.state = shot.ended ? "ended" : "shown";
    part.pane.dataset.frame = String(shot.k);
    this.text(part.at, shot.k || this.alone ? `${(shot.k / shot.clip.fps).toFixed(2)} s` : "context");
    part.canvas.setAttribute("aria-label", shotWords(name, shot));
    this.drawPaths(part, origin, shot.clip, drawn);
  }

  presentComparison(shots) {
    const { player } = this;
    const part = this.parts.compare;
    const [first, second] = player.visible().map((origin) => shots[origin]);
    if (!first || !second) return;
    const box = drawComparison(part.canvas, first, second, player.view, player.amounts[player.view], player.pixels);
    const scale = part.width / part.canvas.width;
    this.box = { left: box.x * scale, top: box.y * scale, width: box.w * scale, height: box.h * scale };
    this.divider();
    this.measure(part, first, second);
    const names = `${player.panes[player.first].name} and ${player.panes[player.second].name}`;
    const words = `${VIEW_WORDS[player.view].title} of ${names}, frame ${player.frame}`;
    part.canvas.setAttribute("aria-label", words);
    this.drawPaths(part, "", first.clip, true);
  }

  /* How far two frames differ, as a number, once they stand still. */
  measure(part, first, second) {
    clearTimeout(this.measuring);
    part.mark.hidden = true;
    if (this.player.view !== "difference" || this.player.playing) return;
    this.measuring = setTimeout(() => {
      if (!first.clip.has(first.k) || !second.clip.has(second.k)) return;
      this.text(part.mark, `mean difference ${meanDifference(first, second).toFixed(1)} of 255`);
      part.mark.hidden = false;
    }, 120);
  }

  divider() {
    const line = this.one(".wv-divider");
    if (line.hidden || !this.box) return;
    line.style.left = `${this.box.left + this.box.width * this.player.amounts.wipe}px`;
    line.style.top = `${this.box.top}px`;
    line.style.height = `${this.box.height}px`;
  }

  drawPaths(part, own, clip, drawn) {
    const { player } = this;
    const shown = player.showPaths && drawn ? player.origins.filter((origin) => this.hasPathIn(own, origin)) : [];
    const paths = shown.map((origin) => {
      const { path: points, rate } = player.spec(origin);
      return { origin, points, rate, own: origin === own || !own, delay: player.delayOf(origin) };
    });
    if (player.showPaths && drawn && own === player.main) paths.push(...this.fan());
    paths.sort((one, two) => Number(one.own) - Number(two.own)); // its own lies on top
    part.paths.set(paths, clip.width, clip.height);
    const box = fitted({ width: part.width || 1, height: part.height || 1 }, clip.width, clip.height);
    part.paths.update(player.frame / player.fps, clip.width / Math.max(1, box.w));
  }

  /* The other samples: how far the model is from sure. */
  fan() {
    const { player } = this;
    return player.panes[player.main].samples
      .filter((clip, k) => k !== player.sample && clip.path?.length)
      .map(({ path: points, rate }) => ({ origin: player.main, points, rate, own: false, fan: true }));
  }

  /* Every pane carries every known path, its own one strongly: what was planned against what happened. A comparison
     (own is "") carries the two that it compares. */
  hasPathIn(own, origin) {
    const { player } = this;
    if (!player.spec(origin)?.path?.length || (origin === "recorded" && player.hidden)) return false;
    if (!own) return player.visible().includes(origin);
    return !player.several || origin === own || origin === "recorded"; // five paths in one pane are none
  }

  clock() {
    this.buttons.clock();
    this.cursors.move(this.player.frame / this.player.fps);
  }

  /* Nothing to play yet. */
  nothing() {
    this.buttons.nothing();
    this.text(".wv-sync", "");
    this.cursors.hide();
  }

  /* A frame is wanted that is not decoded yet: the old ones stay, together. */
  waiting(shots) {
    this.root.dataset.waiting = "true";
    for (const [origin, { clip, k }] of Object.entries(shots)) {
      const part = this.parts[origin];
      if (this.alone && part.clip !== clip) this.reading(part, clip);
      if (!clip.has(k) && part.pane.dataset.frame === undefined) part.pane.dataset.state = "loading";
    }
  }

  /* Another episode, whose clip may have to be made first: the one before must not stand in for it. */
  reading(part, clip) {
    part.clip = clip;
    part.canvas.getContext("2d").clearRect(0, 0, part.canvas.width, part.canvas.height);
    part.paths.set([], 1, 1);
    delete part.pane.dataset.frame;
    this.text(part.at, "");
    this.text(part.missing, "Reading the recording …");
    part.missing.hidden = false;
    this.clock();
  }

  /* Sizes are asked for here only: asking while frames are drawn would make the browser lay out the page each time. */
  resized(redraw = true) {
    const changed = Object.values(this.parts)
      .map((part) => {
        const { clientWidth: width, clientHeight: height } = part.canvas;
        if (!width) return false;
        Object.assign(part, { width, height });
        return resizeCanvas(part.canvas, width, height);
      })
      .some(Boolean);
    if (changed && redraw && this.player?.frames) this.player.show();
  }

  /* The permalink follows while nothing moves; browsers allow only so many changes, so the last of a burst counts. */
  address() {
    clearTimeout(this.addressing);
    this.addressing = setTimeout(() => {
      const { player } = this;
      if (!player.run || player.playing || player.closed || !this.root.isConnected) return;
      const wanted = { run: player.run, ...parametersOf(player) };
      const url = withParameters(location.href, wanted);
      if (url) history.replaceState(history.state, "", url);
    }, 150);
  }
}

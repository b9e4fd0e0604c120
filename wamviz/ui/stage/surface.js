/* The surface: everything of the player that is seen.

   Contract: Surface(root, options) finds its parts in stage.html; layout() rebuilds what depends on the value and the
   view, present(shots) shows one frame, controls() and amount() show the state of the controls. Text of people is
   only ever written with textContent. data-* attributes on the stage say what is shown, for tests and for people who
   script it: data-state, data-frame, data-frames, data-time, data-view, data-sample, data-playing, data-drift, and on
   each pane data-frame and data-state (shown, ended, missing, loading, failed, hidden). */

const VIEW_WORDS = {
  "onion-skin": { title: "onion skin", joint: "under", amount: "Opacity" },
  wipe: { title: "wipe", joint: "left, right", amount: "Position" },
  difference: { title: "difference", joint: "minus", amount: "Gain" },
};

class Surface {
  constructor(root, options) {
    const one = (selector, inside = root) => inside.querySelector(selector);
    Object.assign(this, { root, one, all: (selector) => [...root.querySelectorAll(selector)] });
    this.parts = {};
    for (const pane of this.all(".wv-pane")) {
      this.parts[pane.dataset.pane] = {
        pane, canvas: one("canvas", pane), screen: one(".wv-screen", pane), missing: one(".wv-missing", pane),
        mark: one(".wv-mark", pane), at: one(".wv-at", pane), name: one(".wv-name", pane), verdict: one(".wv-verdict", pane), weights: one(".wv-weights", pane), paths: new PathLayer(one(".wv-paths", pane)),
      };
    }
    this.scrub = one(".wv-scrub");
    this.cursors = new PlotCursors(options.plots, (seconds) => this.player.seekTime(seconds), options.signal);
    this.sizes = new ResizeObserver(() => this.resized());
    Object.values(this.parts).forEach(({ screen }) => this.sizes.observe(screen));
    options.signal.addEventListener("abort", () => this.sizes.disconnect());
  }

  text(selector, words) {
    const found = typeof selector === "string" ? this.one(selector) : selector;
    if (found.textContent !== words) found.textContent = words;
  }

  say(words) {
    this.text('[role="status"]', words);
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
    const shapes = ORIGINS.map((origin) => player.spec(origin)).filter((spec) => spec && spec.width && spec.height);
    root.style.setProperty("--wv-aspect", shapes.length ? String(Math.min(2.4, Math.max(0.6, shapes[0].width / shapes[0].height))) : "1");
    const pair = player.visible();
    const rest = ORIGINS.filter((origin) => !pair.includes(origin)); // they make room for the comparison
    for (const origin of ORIGINS) this.missing(origin, player.compared && rest.includes(origin));
    const compare = this.parts.compare;
    compare.pane.hidden = !player.compared;
    compare.pane.style.order = player.compared ? String(SEVERAL ? -1 : 2 * ORIGINS.indexOf(rest[0])) : "";
    ORIGINS.forEach((origin, k) => (this.parts[origin].pane.style.order = String(2 * k)));
    if (words) this.compare(words, pair);
    this.all("[data-view]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === player.view)));
    this.chips();
    this.lanes();
    this.controls();
    this.amount();
    this.resized(false);
    root.dataset.state = player.preview ? "imagining" : player.frames ? "ready" : "empty";
    root.dataset.view = player.view;
    root.dataset.sample = String(player.sample);
    this.text(".wv-chunk", player.chunk + " frames back, forward");
    if (!player.frames) this.nothing();
  }

  /* Why a pane shows no picture, in words. */
  missing(origin, replaced) {
    const { player } = this;
    const part = this.parts[origin];
    const { samples, missing, verdict, weights, name } = player.panes[origin];
    const spec = player.spec(origin);
    const clip = player.clips[origin];
    let why = "";
    let state = "shown";
    if (origin === "recorded" && player.hidden && samples.length) [why, state] = ["The recording is hidden. Press g, or the eye below, to show it.", "hidden"];
    else if (!spec || !(spec.src || spec.strip)) [why, state] = [(spec && spec.missing) || missing || "There is no " + name + " video.", "missing"];
    else if (clip && clip.error) [why, state] = ["The " + name + " video cannot be shown: " + clip.error + ".", "failed"];
    part.pane.hidden = replaced || player.panes[origin].absent;
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
    if (part.weights) {
      this.text(part.weights, weights);
      part.weights.hidden = !weights;
    }
    if (part.verdict) {
      this.text(part.verdict, verdict || "");
      part.verdict.hidden = !verdict;
    }
  }

  compare(words, pair) {
    const { player } = this;
    this.text(".wv-compare-name", words.title);
    this.text(".wv-joint", words.joint);
    this.all("[data-pick]").forEach((select, side) => {
      const there = ORIGINS.filter((origin) => !player.panes[origin].absent);
      const key = there.map((origin) => player.panes[origin].name).join();
      if (select.dataset.key !== key) {
        select.replaceChildren(...there.map((origin) => new Option(player.panes[origin].name, origin)));
        select.dataset.key = key;
      }
      [...select.options].forEach((option) => (option.disabled = !player.panes[option.value].samples.some((spec) => spec.src || spec.strip)));
      select.value = pair[side];
    });
    const absent = pair.find((origin) => !player.playable(origin));
    const part = this.parts.compare;
    const why = absent ? "This view needs two clips. " + (this.parts[absent].missing.textContent || "") : "";
    part.missing.hidden = !why;
    this.text(part.missing, why);
    part.canvas.hidden = Boolean(why);
    part.pane.dataset.state = why ? "missing" : "shown";
    [".wv-corner-a", ".wv-corner-b"].forEach((selector, side) => {
      this.one(selector).hidden = Boolean(why) || player.view !== "wipe";
      this.text(selector, player.panes[pair[side]].name);
    });
    this.one(".wv-divider").hidden = Boolean(why) || player.view !== "wipe";
  }

  live() {
    const { preview } = this.player;
    this.one(".wv-live").hidden = !preview;
    if (!preview) {
      if (this.wasLive) this.say("Imagined.");
      this.wasLive = false;
      return;
    }
    const step = preview.step > 0 ? "step " + preview.step + " of " + preview.steps : preview.note || "starting";
    const left = preview.eta > 0 ? " · about " + (preview.eta < 10 ? preview.eta.toFixed(1) : Math.round(preview.eta)) + " s left" : "";
    this.text(".wv-live-text", "imagining, " + step + left);
    this.one(".wv-bar > span").style.width = (100 * preview.step) / Math.max(1, preview.steps) + "%";
    // A screen reader hears the beginning and every fourth step, not a torrent.
    if (!this.wasLive || preview.step % 4 === 0) this.say("Imagining, " + step);
    this.wasLive = true;
  }

  chips() {
    const { player } = this;
    const host = this.one(".wv-samples");
    const specs = player.panes[MAIN].samples;
    const key = specs.map((spec) => spec.label || "").join("|") + specs.length;
    host.hidden = specs.length < 2;
    if (host.dataset.key !== key) {
      host.dataset.key = key;
      const label = (spec, k) => "sample " + (k + 1) + (spec.label ? ", " + spec.label : "");
      if (specs.length > 9) {
        const select = document.createElement("select");
        select.className = "wv-select";
        select.setAttribute("aria-label", "Sample");
        select.append(...specs.map((spec, k) => new Option(label(spec, k), String(k))));
        host.replaceChildren(select);
      } else {
        host.replaceChildren(...specs.map((spec, k) => {
          const chip = document.createElement("button");
          Object.assign(chip, { type: "button", className: "wv-chip", textContent: String(k + 1), title: label(spec, k) + " (" + (k + 1) + ")" });
          chip.dataset.sample = String(k);
          chip.setAttribute("aria-label", label(spec, k));
          return chip;
        }));
      }
    }
    host.querySelectorAll(".wv-chip").forEach((chip, k) => chip.setAttribute("aria-pressed", String(k === player.sample)));
    host.querySelectorAll("select").forEach((select) => (select.value = String(player.sample)));
  }

  /* Thin bars over the scrubber: how far each clip goes, and the A-B range. */
  lanes() {
    const { player } = this;
    const host = this.one(".wv-lanes");
    const last = Math.max(1, player.frames - 1) / player.fps;
    const bars = ORIGINS.filter((origin) => player.playable(origin)).map((origin) => {
      const clip = player.spec(origin);
      const bar = document.createElement("span");
      bar.className = "wv-lane wv-" + origin;
      bar.style.width = Math.min(100, (100 * ((clip.frames - 1) / clip.fps)) / last) + "%";
      return bar;
    });
    const range = document.createElement("span");
    range.className = "wv-range-ab";
    host.replaceChildren(range, ...bars);
  }

  /* --- one frame -------------------------------------------------------------------------------------------- */

  present(shots) {
    const { player, root } = this;
    for (const origin of ORIGINS) {
      const part = this.parts[origin];
      const shot = shots[origin];
      if (!shot) continue;
      if (root.dataset.alone !== undefined) [part.clip, part.missing.hidden] = [shot.clip, true];
      const drawn = !player.compared || player.visible().includes(origin);
      if (drawn) drawShot(part.canvas, shot, player.pixels);
      part.mark.hidden = !shot.ended && !(player.preview && (origin === "imagined" || player.panes[origin].live));
      this.text(part.mark, shot.ended ? "ended" : player.preview ? "imagining" : "");
      part.mark.classList.toggle("wv-mark-live", Boolean(player.preview) && !shot.ended);
      part.pane.dataset.state = shot.ended ? "ended" : "shown";
      part.pane.dataset.frame = String(shot.k);
      const seconds = (shot.k / shot.clip.fps).toFixed(2) + " s";
      this.text(part.at, shot.k || root.dataset.alone !== undefined ? seconds : "context");
      part.canvas.setAttribute("aria-label", player.panes[origin].name + ", frame " + shot.k + " of " + (shot.clip.frames - 1) + ", " + seconds + (shot.ended ? ", ended" : ""));
      this.drawPaths(part, origin, shot.clip, drawn);
    }
    if (player.compared) this.presentComparison(shots);
    this.clock();
    root.dataset.drift = player.metrics.drift.toFixed(3);
    this.text(".wv-sync", Object.keys(shots).length > 1 ? "in lockstep, drift " + player.metrics.drift.toFixed(2) + " frames" : "");
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
    part.canvas.setAttribute("aria-label", VIEW_WORDS[player.view].title + " of " + player.panes[player.first].name + " and " + player.panes[player.second].name + ", frame " + player.frame);
    this.drawPaths(part, "", first.clip, true);
  }

  /* How far two frames differ, as a number, once they stand still. */
  measure(part, first, second) {
    clearTimeout(this.measuring);
    part.mark.hidden = true;
    if (this.player.view !== "difference" || this.player.playing) return;
    this.measuring = setTimeout(() => {
      if (!first.clip.has(first.k) || !second.clip.has(second.k)) return;
      this.text(part.mark, "mean difference " + meanDifference(first, second).toFixed(1) + " of 255");
      part.mark.hidden = false;
    }, 120);
  }

  divider() {
    const line = this.one(".wv-divider");
    if (line.hidden || !this.box) return;
    line.style.left = this.box.left + this.box.width * this.player.amounts.wipe + "px";
    line.style.top = this.box.top + "px";
    line.style.height = this.box.height + "px";
  }

  /* Every pane carries every known path, its own one strongly: what was planned against what happened. A comparison
     carries the two that it compares. */
  drawPaths(part, own, clip, drawn) {
    const { player } = this;
    const crowd = (origin) => SEVERAL && own && origin !== own && origin !== "recorded"; // five paths in one pane are none
    const paths = !player.showPaths || !drawn ? [] : ORIGINS.filter((origin) => !crowd(origin) && (own || player.visible().includes(origin)) && !(origin === "recorded" && player.hidden)).flatMap((origin) => {
      const spec = player.spec(origin);
      return spec && spec.path && spec.path.length ? [{ origin, points: spec.path, rate: spec.rate, own: origin === own || !own }] : [];
    });
    paths.sort((one, two) => Number(one.own) - Number(two.own)); // its own lies on top
    part.paths.set(paths, clip.width, clip.height);
    const box = fitted({ width: part.width || 1, height: part.height || 1 }, clip.width, clip.height);
    part.paths.update(player.frame / player.fps, clip.width / Math.max(1, box.w));
  }

  clock() {
    const { player, root } = this;
    const last = Math.max(0, player.frames - 1);
    const seconds = (player.frame / player.fps).toFixed(2);
    const words = "frame " + player.frame + " of " + last + ", " + seconds + " s";
    this.scrub.max = String(last);
    this.scrub.value = String(player.frame);
    this.scrub.setAttribute("aria-valuetext", words);
    this.scrub.style.setProperty("--wv-done", last ? (100 * player.frame) / last + "%" : "0%");
    this.text(".wv-time", words);
    Object.assign(root.dataset, { frame: String(player.frame), frames: String(player.frames), time: seconds });
    delete root.dataset.waiting;
    this.cursors.move(player.frame / player.fps);
  }

  /* Nothing to play yet. */
  nothing() {
    this.scrub.max = "0";
    this.scrub.setAttribute("aria-valuetext", "no frames yet");
    this.text(".wv-time", "no frames yet");
    this.text(".wv-sync", "");
    this.cursors.hide();
    Object.assign(this.root.dataset, { frame: "0", frames: "0", time: "0.00" });
  }

  /* A frame is wanted that is not decoded yet: the old ones stay, together. */
  waiting(shots) {
    this.root.dataset.waiting = "true";
    for (const [origin, { clip, k }] of Object.entries(shots)) {
      const part = this.parts[origin];
      if (this.root.dataset.alone !== undefined && part.clip !== clip) this.reading(part, clip);
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
    const changed = Object.values(this.parts).map((part) => {
      const { clientWidth: width, clientHeight: height } = part.canvas;
      if (!width) return false;
      Object.assign(part, { width, height });
      return resizeCanvas(part.canvas, width, height);
    }).some(Boolean);
    if (changed && redraw && this.player && this.player.frames) this.player.show();
  }

  /* --- controls ----------------------------------------------------------------------------------------------- */

  controls() {
    const { player, root } = this;
    const some = player.frames > 1;
    const press = (act, on) => this.one('[data-act="' + act + '"]').setAttribute("aria-pressed", String(on));
    const play = this.one(".wv-play");
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    root.dataset.playing = String(player.playing);
    this.scrub.disabled = player.frames < 1;
    ["play", "back", "forward", "mark-a", "mark-b"].forEach((act) => (this.one('[data-act="' + act + '"]').disabled = !some));
    this.one('[data-act="save"]').disabled = !player.frames;
    this.one('[data-act="recorded"]').disabled = !player.panes.recorded.samples.length;
    press("loop", player.loop);
    press("mark-a", player.a !== null);
    press("mark-b", player.b !== null);
    press("recorded", !player.hidden);
    press("paths", player.showPaths);
    press("pixels", player.pixels);
    press("fullscreen", document.fullscreenElement === root);
    this.one(".wv-speed").value = String(player.speed);
    const [from, to] = player.bounds;
    const last = Math.max(1, player.frames - 1);
    const range = this.one(".wv-range-ab");
    if (range) {
      range.hidden = !player.loop || (player.a === null && player.b === null);
      range.style.left = (100 * from) / last + "%";
      range.style.width = (100 * (to - from)) / last + "%";
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
    const amount = player.amounts[player.view];
    const gain = player.view === "difference";
    Object.assign(slider, { min: gain ? "1" : "0", max: gain ? "16" : "100", step: gain ? "0.5" : "1" });
    slider.value = String(gain ? amount : Math.round(amount * 100));
    const shown = gain ? "×" + amount : Math.round(amount * 100) + " %";
    slider.setAttribute("aria-valuetext", shown);
    slider.style.setProperty("--wv-done", (gain ? (100 * (amount - 1)) / 15 : 100 * amount) + "%");
    this.text(".wv-amount-name", words.amount);
    this.text(".wv-amount-value", shown);
  }

  /* The permalink follows while nothing moves; browsers allow only so many changes, so the last of a burst counts. */
  address() {
    clearTimeout(this.addressing);
    this.addressing = setTimeout(() => {
      const { player } = this;
      if (!player.run || player.playing || player.closed || !this.root.isConnected) return;
      const url = new URL(location.href);
      const wanted = { run: player.run, frame: String(player.frame), view: player.view };
      if (Object.entries(wanted).every(([name, text]) => url.searchParams.get(name) === text)) return;
      for (const [name, text] of Object.entries(wanted)) url.searchParams.set(name, text);
      history.replaceState(history.state, "", url);
    }, 150);
  }
}

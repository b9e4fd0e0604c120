/* The player: one clock, and every pane drawn from it.

   Contract: take(value) accepts a StageValue (see messages.js); seek(frame), play(), pause(), step(n), setView(name),
   setSample(k) do what they say. A frame of the clock is presented only when every visible clip has its own frame for
   that time, and then all of them are drawn in the same task: panes cannot drift apart, a slow decoder makes the clock
   wait instead. The clock ticks in frames of the imagined clip (else the next one); the others show their nearest
   frame. It reads the DOM of its own element only. */

import { shownOf } from "./addresses.js";
import { emptyPane, gridOf, pairOf, readValue, sampleOf } from "./cast.js";
import { ClipPool } from "./clips.js";
import { CHUNK, VIEWS } from "./messages.js";
import { advance, boundsOf, frameWithin, hasVideo, shotAt, timelineOf } from "./timeline.js";

export const SPEEDS = [0.25, 0.5, 1, 2, 4];
const AMOUNTS = { "onion-skin": 0.5, wipe: 0.5, difference: 4 };

export class Player {
  constructor(root, ui, { cast, calm }) {
    Object.assign(this, { root, ui, cast, origins: cast.origins, main: cast.main, several: cast.several });
    Object.assign(this, { run: null, meta: {}, preview: null, panes: {}, chunk: CHUNK });
    Object.assign(this, { fps: 1, frames: 0, frame: 0, time: 0, sample: 0, samples: 0, pending: null, shots: {} });
    Object.assign(this, { playing: false, speed: 1, loop: !calm, a: null, b: null, calm });
    Object.assign(this, {
      view: "side-by-side",
      first: cast.main,
      second: "recorded",
      hidden: false,
      solo: null, // the one pane that is shown large, or null for all
      showPaths: true,
      pixels: false,
      delay: 0, // seconds by which the recording begins after the context
      showDelay: false,
      ranking: [],
      cells: [], // of the grid of all samples; see gridOf
    });
    this.amounts = { ...AMOUNTS };
    this.metrics = { drift: 0, maxDrift: 0, presented: 0, stalls: 0, latencies: [] };
    this.pool = new ClipPool(() => this.later());
    this.clips = {};
    for (const origin of this.origins) this.panes[origin] = emptyPane(origin);
  }

  /* --- what is played ------------------------------------------------------------------------------------- */

  take(value) {
    const told = readValue(value, this.cast);
    const before = { run: this.run, preview: Boolean(this.preview) };
    const { run, meta, preview, chunk, panes, ranking } = told;
    Object.assign(this, { run, meta, preview, chunk, panes, ranking });
    this.samples = this.panes[this.main].samples.length;
    const fresh = this.run !== before.run || (this.preview && !before.preview);
    const linked = shownOf(location.search, this.run);
    if (this.run !== before.run) this.delay = linked.offset;
    if (told.sample !== null) this.sample = told.sample;
    else if (this.run !== before.run && linked.sample !== null) this.sample = linked.sample;
    this.sample = Math.max(0, Math.min(this.sample, this.samples - 1));
    if (told.view) this.view = told.view;
    if (this.view === "samples" && this.samples < 2) this.view = "side-by-side";
    this.timeline();
    this.choosePair();
    if (this.solo && !hasVideo(this.spec(this.solo))) this.solo = null;
    if (fresh && !(before.preview && this.run)) [this.a, this.b] = [null, null];
    const asked = told.frame !== null;
    if (asked) this.goto(Number(told.frame) || 0);
    else if (this.preview && !before.preview) this.goto(this.calm ? this.frames - 1 : 0);
    else if (fresh && !before.preview) this.goto(0);
    else this.goto(this.frame);
    const start = (this.preview && !before.preview) || (told.autoplay && !before.preview && !asked);
    const still = fresh && !before.preview && !this.preview && !told.autoplay; // another run than the one that plays
    if (asked || still || this.frames < 2) this.pause();
    else if (start && !this.calm && this.frames > 1) this.play();
    this.open();
    this.ui.layout();
    this.show();
  }

  spec(origin) {
    return sampleOf(this.panes[origin], this.sample);
  }

  /* The longest clip decides how far the clock goes. */
  timeline() {
    this.cells = this.gridded ? gridOf(this.panes, this.origins, this.ranking) : [];
    const own = this.origins.map((origin) => ({ origin, spec: this.spec(origin) })).filter(({ spec }) => spec);
    const all = own.concat(this.cells);
    const delays = all.map(({ origin }) => this.delayOf(origin));
    Object.assign(
      this,
      timelineOf(
        all.map(({ spec }) => spec),
        delays,
      ),
    );
  }

  delayOf(origin) {
    return origin === "recorded" ? this.delay : 0;
  }

  goto(frame) {
    this.frame = frameWithin(frame, this.frames);
    this.time = this.frame / this.fps;
  }

  open() {
    const specs = this.origins.map((origin) => this.spec(origin)).map((spec) => (hasVideo(spec) ? spec : null));
    const all = this.cells.map(({ spec }) => (hasVideo(spec) ? spec : null));
    const clips = this.pool.want(specs.concat(all));
    this.origins.forEach((origin, k) => {
      this.clips[origin] = clips[k];
    });
    this.cells.forEach((cell, k) => {
      cell.clip = clips[this.origins.length + k];
    });
  }

  playable(origin) {
    const clip = this.clips[origin];
    return Boolean(clip && !clip.error && !(origin === "recorded" && this.hidden));
  }

  choosePair() {
    [this.first, this.second] = pairOf(this.panes, this.origins, [this.first, this.second]);
  }

  get compared() {
    return this.view in AMOUNTS;
  }

  /* All samples at once. */
  get gridded() {
    return this.view === "samples";
  }

  visible() {
    if (this.gridded) return [];
    if (this.compared) return [this.first, this.second];
    return this.solo ? [this.solo] : this.origins;
  }

  /* One pane large, or all of them again (null). */
  setSolo(origin) {
    this.solo = origin && hasVideo(this.spec(origin)) ? origin : null;
    if (this.solo) this.look("side-by-side");
    this.ui.layout();
    this.show();
  }

  /* --- showing one frame of the clock ----------------------------------------------------------------------- */

  shotsAt(frame) {
    const playable = this.origins.filter((origin) => this.playable(origin));
    const time = frame / this.fps;
    return Object.fromEntries(
      playable.map((origin) => [origin, shotAt(this.clips[origin], time - this.delayOf(origin))]),
    );
  }

  /* Of every cell of the grid, or null where it has no picture. */
  cellShots() {
    const time = this.frame / this.fps;
    return this.cells.map(({ clip, origin }) =>
      clip && !clip.error ? shotAt(clip, time - this.delayOf(origin)) : null,
    );
  }

  /* Draw the clock's frame if every visible clip has it; otherwise remember it and have it decoded. */
  show() {
    if (!this.frames) return false;
    const shots = this.shotsAt(this.frame);
    const cells = this.cellShots();
    const visible = this.visible()
      .map((origin) => shots[origin])
      .concat(cells)
      .filter(Boolean);
    for (const shot of new Set([...Object.values(shots), ...visible])) shot.clip.focus(shot.k);
    const missing = visible.some((shot) => !shot.clip.has(shot.k));
    this.pending = missing ? this.frame : null;
    if (missing) {
      this.ui.waiting(shots);
      return false;
    }
    this.shots = shots;
    this.metrics.drift = Math.max(0, ...visible.map((shot) => shot.drift));
    this.metrics.maxDrift = Math.max(this.metrics.maxDrift, this.metrics.drift);
    this.metrics.presented += 1;
    this.ui.present(shots, cells);
    if (this.asked !== undefined) this.metrics.latencies.push(performance.now() - this.asked);
    this.asked = undefined;
    if (this.samples > 1 && !this.preview && this.fetchedFor !== this.run) this.prefetch();
    return true;
  }

  prefetch() {
    this.fetchedFor = this.run;
    const idle = window.requestIdleCallback || ((work) => setTimeout(work, 200));
    idle(() => !this.closed && this.pool.prefetch(this.panes[this.main].samples.filter((spec) => spec.src)));
  }

  /* Many decoded frames, one look per painted frame. */
  later() {
    if (this.looking || this.closed) return;
    this.looking = requestAnimationFrame(() => {
      this.looking = 0;
      if (this.pending !== null || this.errors() !== this.known) {
        this.known = this.errors();
        this.ui.layout();
        this.show();
      }
    });
  }

  errors() {
    const clips = [...this.origins.map((origin) => this.clips[origin]), ...this.cells.map(({ clip }) => clip)];
    return clips.map((clip) => clip?.error || "").join("|");
  }

  /* --- the clock -------------------------------------------------------------------------------------------- */

  get bounds() {
    return boundsOf(this);
  }

  play() {
    if (this.playing || this.frames < 2) return;
    const [from, to] = this.bounds;
    if (this.frame >= to || this.frame < from) this.goto(from);
    this.playing = true;
    this.before = null;
    this.ui.controls();
    this.ticking = requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    cancelAnimationFrame(this.ticking);
    if (!this.playing) return;
    this.playing = false;
    this.time = this.frame / this.fps;
    this.ui.controls();
    this.ui.address();
    if (this.view === "difference") this.show(); // its number appears when nothing moves
  }

  tick(now) {
    if (!this.playing || this.closed) return;
    this.ticking = requestAnimationFrame((next) => this.tick(next));
    const passed = this.before === null ? 0 : Math.min(0.1, (now - this.before) / 1000); // a hidden page does not run ahead
    this.before = now;
    const { time, frame, over } = advance(this, this.bounds, passed);
    if (over) {
      this.goto(frame);
      this.show();
      return this.pause();
    }
    const [oldTime, oldFrame] = [this.time, this.frame];
    this.time = time;
    if (frame < oldFrame) this.ui.looped();
    if (frame === oldFrame && this.pending === null) return;
    this.frame = frame;
    if (this.show()) return;
    this.metrics.stalls += 1; // wait for the decoder: neither pane goes on without the other
    this.time = frame === oldFrame ? oldTime : frame / this.fps;
  }

  /* --- what controls ask for -------------------------------------------------------------------------------- */

  seek(frame, askedAt) {
    if (!this.frames) return;
    this.pause();
    this.goto(frame);
    this.asked = askedAt;
    this.show();
    this.ui.address();
  }

  seekTime(seconds) {
    if (Number.isFinite(seconds)) this.seek(Math.floor(seconds * this.fps + 0.5));
  }

  step(frames) {
    this.seek(this.frame + frames);
  }

  setView(name) {
    this.look(name);
    if (this.view !== "side-by-side") this.solo = null;
    this.choosePair();
    this.ui.layout();
    this.show();
    this.ui.address();
  }

  /* Another view, before it is drawn: the grid has clips of its own. */
  look(name) {
    const grid = this.gridded;
    this.view = VIEWS.includes(name) && (name !== "samples" || this.samples > 1) ? name : "side-by-side";
    if (grid || this.gridded) this.retime();
  }

  /* Seconds by which the recording begins after the context; less than 0: it had begun before. */
  setDelay(seconds) {
    this.delay = Number.isFinite(seconds) ? Math.round(Math.max(-10, Math.min(10, seconds)) * 100) / 100 : 0;
    this.retime();
    this.ui.layout();
    this.show();
    this.ui.address();
  }

  /* Other clips or other delays: the same frame of them, as far as there is one. */
  retime() {
    this.timeline();
    this.goto(this.frame);
    this.open();
  }

  setPair(first, second) {
    [this.first, this.second] = [first, second];
    this.ui.layout();
    this.show();
  }

  setSample(k) {
    if (!(k >= 0 && k < this.samples) || k === this.sample) return;
    this.sample = k;
    this.retime();
    this.ui.layout();
    this.show();
    this.ui.address();
  }

  setAmount(amount) {
    const limits = this.view === "difference" ? [1, 16] : [0, 1];
    this.amounts[this.view] = Math.max(limits[0], Math.min(limits[1], amount));
    this.ui.amount();
    this.show();
  }

  setSpeed(speed) {
    this.speed = SPEEDS.includes(speed) ? speed : 1;
    this.ui.controls();
  }

  /* Put A or B here; on the same frame again, take it away. */
  mark(side) {
    if (!this.frames) return;
    this[side] = this[side] === this.frame ? null : this.frame;
    if (this[side] !== null) this.loop = true;
    if (this.a !== null && this.b !== null && this.a > this.b) [this.a, this.b] = [this.b, this.a];
    this.ui.controls();
  }

  close() {
    this.closed = true;
    this.pause();
    cancelAnimationFrame(this.looking);
    this.pool.close();
  }
}

/* The player: one clock, and every pane drawn from it.

   Contract: take(value) accepts what stage_value or preview_value made (see values.py); seek(frame), play(), pause(),
   step(n), setView(name), setSample(k) do what they say. A frame of the clock is presented only when every visible
   clip has its own frame for that time, and then all of them are drawn in the same task: panes cannot drift apart,
   a slow decoder makes the clock wait instead. The clock ticks in frames of the imagined clip (else the next one);
   the others show their nearest frame. It reads the DOM of its own element only. */

/* What has a pane of its own. Side by side (props.several), each of several models has one, beside what was recorded. */
const SEVERAL = Math.max(0, Math.min(4, Number(props.several) || 0));
const ORIGINS = SEVERAL ? [...Array.from({ length: SEVERAL }, (_, k) => "contender-" + (k + 1)), "recorded"] : ["imagined", "recorded", "executed"];
const MAIN = ORIGINS[0];
const VIEWS = ["side-by-side", "onion-skin", "wipe", "difference"];
const AMOUNTS = { "onion-skin": 0.5, wipe: 0.5, difference: 4 };
const SPEEDS = [0.25, 0.5, 1, 2, 4];

/* The frame of a clip that lies nearest to a time; of two equally near, the earlier. */
function nearestFrame(time, fps) {
  return Math.max(0, Math.ceil(time * fps - 0.5 - 1e-6));
}

class Player {
  constructor(root, ui, options) {
    Object.assign(this, { root, ui, run: null, meta: {}, preview: null, panes: {}, chunk: 8 });
    Object.assign(this, { fps: 1, frames: 0, frame: 0, time: 0, sample: 0, samples: 0, pending: null, shots: {} });
    Object.assign(this, { playing: false, speed: 1, loop: !options.calm, a: null, b: null, calm: options.calm });
    Object.assign(this, { view: "side-by-side", first: MAIN, second: "recorded", hidden: false, showPaths: true, pixels: false });
    this.amounts = { ...AMOUNTS };
    this.metrics = { drift: 0, maxDrift: 0, presented: 0, stalls: 0, latencies: [] };
    this.pool = new ClipPool(() => this.later());
    this.clips = {};
    ORIGINS.forEach((origin) => (this.panes[origin] = { samples: [], missing: "", verdict: "", weights: "", name: origin }));
  }

  /* --- what is played ------------------------------------------------------------------------------------- */

  take(value) {
    const given = value && typeof value === "object" ? value : {};
    const before = { run: this.run, preview: Boolean(this.preview), frames: this.frames };
    this.run = given.run || null;
    this.meta = { instruction: given.instruction || "", detail: given.detail || "", note: given.note || "" };
    this.preview = given.preview || null;
    this.chunk = Math.max(1, Number(given.chunk) || 8);
    for (const origin of ORIGINS) {
      const pane = (given.panes && given.panes[origin]) || {};
      this.panes[origin] = { samples: Array.isArray(pane.samples) ? pane.samples : [], missing: pane.missing || "", verdict: pane.verdict || "", weights: pane.weights || "", name: pane.name || origin, live: Boolean(pane.live), absent: SEVERAL > 0 && !pane.name };
    }
    this.samples = this.panes[MAIN].samples.length;
    const fresh = this.run !== before.run || (this.preview && !before.preview);
    if (given.sample !== null && given.sample !== undefined) this.sample = given.sample;
    this.sample = Math.max(0, Math.min(this.sample, this.samples - 1));
    this.timeline();
    if (VIEWS.includes(given.view)) this.view = given.view;
    this.choosePair();
    if (fresh && !(before.preview && this.run)) [this.a, this.b] = [null, null];
    const asked = given.frame !== null && given.frame !== undefined;
    if (asked) this.goto(Number(given.frame) || 0);
    else if (this.preview && !before.preview) this.goto(this.calm ? this.frames - 1 : 0);
    else if (fresh && !before.preview) this.goto(0);
    else this.goto(this.frame);
    const start = (this.preview && !before.preview) || (given.autoplay && !before.preview && !asked);
    const still = fresh && !before.preview && !this.preview && !given.autoplay; // another run than the one that plays
    if (asked || still || this.frames < 2) this.pause();
    else if (start && !this.calm && this.frames > 1) this.play();
    this.open();
    this.ui.layout();
    this.show();
  }

  spec(origin, sample = this.sample) {
    const { samples } = this.panes[origin];
    return samples[Math.min(sample, samples.length - 1)] || null;
  }

  /* The clock's rate and length: the longest clip decides how far it goes. */
  timeline() {
    const specs = ORIGINS.map((origin) => this.spec(origin)).filter(Boolean);
    const moving = specs.filter((spec) => spec.src || spec.strip);
    const lengths = (moving.length ? moving : specs).map((spec) =>
      moving.length ? { fps: spec.fps, frames: spec.frames } : { fps: spec.rate, frames: spec.path ? spec.path.length : 1 });
    this.fps = lengths.length ? lengths[0].fps : 1;
    const duration = Math.max(0, ...lengths.map(({ fps, frames }) => (frames - 1) / fps));
    this.frames = lengths.length ? Math.floor(duration * this.fps + 0.5) + 1 : 0;
  }

  goto(frame) {
    this.frame = Math.max(0, Math.min(Math.max(0, this.frames - 1), Math.floor(frame)));
    this.time = this.frame / this.fps;
  }

  open() {
    const specs = ORIGINS.map((origin) => {
      const spec = this.spec(origin);
      return spec && (spec.src || spec.strip) ? spec : null;
    });
    const clips = this.pool.want(specs);
    ORIGINS.forEach((origin, k) => (this.clips[origin] = clips[k]));
  }

  playable(origin) {
    const clip = this.clips[origin];
    return Boolean(clip && !clip.error && !(origin === "recorded" && this.hidden));
  }

  /* Which two clips are compared: what was asked, as far as it exists. */
  choosePair() {
    const there = ORIGINS.filter((origin) => this.panes[origin].samples.some((spec) => spec.src || spec.strip));
    if (there.length < 2) return;
    if (!there.includes(this.first) || this.first === this.second) this.first = there.find((origin) => origin !== this.second);
    if (!there.includes(this.second)) this.second = there.find((origin) => origin !== this.first);
  }

  get compared() {
    return this.view !== "side-by-side";
  }

  visible() {
    return this.compared ? [this.first, this.second] : ORIGINS;
  }

  /* --- showing one frame of the clock ----------------------------------------------------------------------- */

  shotsAt(frame) {
    const time = frame / this.fps;
    const shots = {};
    for (const origin of ORIGINS) {
      const clip = this.clips[origin];
      if (!clip || !this.playable(origin)) continue;
      const wanted = nearestFrame(time, clip.fps);
      const k = Math.min(wanted, clip.frames - 1);
      const ended = wanted > clip.frames - 1;
      shots[origin] = { clip, k, ended, drift: ended ? 0 : Math.round(Math.abs(k / clip.fps - time) * clip.fps * 1e6) / 1e6 };
    }
    return shots;
  }

  /* Draw the clock's frame if every visible clip has it; otherwise remember it and have it decoded. */
  show() {
    if (!this.frames) return false;
    const shots = this.shotsAt(this.frame);
    const missing = this.visible().filter((origin) => shots[origin] && !shots[origin].clip.has(shots[origin].k));
    for (const shot of Object.values(shots)) shot.clip.focus(shot.k);
    this.pending = missing.length ? this.frame : null;
    if (missing.length) {
      this.ui.waiting(shots);
      return false;
    }
    const visible = this.visible().map((origin) => shots[origin]).filter(Boolean);
    this.shots = shots;
    this.metrics.drift = Math.max(0, ...visible.map((shot) => shot.drift));
    this.metrics.maxDrift = Math.max(this.metrics.maxDrift, this.metrics.drift);
    this.metrics.presented += 1;
    this.ui.present(shots);
    if (this.asked !== undefined) this.metrics.latencies.push(performance.now() - this.asked);
    this.asked = undefined;
    if (this.samples > 1 && !this.preview && this.fetchedFor !== this.run) this.prefetch();
    return true;
  }

  prefetch() {
    this.fetchedFor = this.run;
    const idle = window.requestIdleCallback || ((work) => setTimeout(work, 200));
    idle(() => !this.closed && this.pool.prefetch(this.panes[MAIN].samples.filter((spec) => spec.src)));
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
    return ORIGINS.map((origin) => (this.clips[origin] && this.clips[origin].error) || "").join("|");
  }

  /* --- the clock -------------------------------------------------------------------------------------------- */

  get bounds() {
    const last = Math.max(0, this.frames - 1);
    const a = this.loop && this.a !== null ? Math.min(this.a, last) : 0;
    const b = this.loop && this.b !== null ? Math.min(this.b, last) : last;
    return a <= b ? [a, b] : [b, a];
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
    const [from, to] = this.bounds;
    const [start, end] = [from / this.fps, (to + 1) / this.fps]; // the last frame stays for its own time
    let time = this.time + passed * this.speed;
    if (time >= end) {
      if (!this.loop) {
        this.goto(to);
        this.show();
        return this.pause();
      }
      time = start + ((time - end) % (end - start));
    }
    const frame = Math.max(0, Math.min(to, Math.floor(time * this.fps + 1e-6))); // rounding must not pass B
    const [oldTime, oldFrame] = [this.time, this.frame];
    this.time = time;
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
    this.view = VIEWS.includes(name) ? name : "side-by-side";
    this.choosePair();
    this.ui.layout();
    this.show();
    this.ui.address();
  }

  setPair(first, second) {
    [this.first, this.second] = [first, second];
    this.ui.layout();
    this.show();
  }

  setSample(k) {
    if (!(k >= 0 && k < this.samples) || k === this.sample) return;
    this.sample = k;
    this.timeline();
    this.goto(this.frame);
    this.open();
    this.ui.layout();
    this.show();
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

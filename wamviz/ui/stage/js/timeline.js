/* Time: which frame of which clip is shown when.

   Contract: pure functions. Times are seconds from the context frame, frames count from 0, and everything is matched by
   time, never by index. */

/* A frame's number may be off by rounding only. */
const SLACK = 1e-6;

/**
 * The frame of a clip that lies nearest to a time; of two equally near, the earlier.
 * @param {number} time
 * @param {number} fps
 */
export function nearestFrame(time, fps) {
  return Math.max(0, Math.ceil(time * fps - 0.5 - SLACK));
}

/**
 * The clock's rate and length: the first clip's rate, the longest clip's duration. Clips without a video count only
 * where there is no other, and last as long as their path.
 * @param {import("./messages.js").Clip[]} clips
 * @param {number[]} [delays] seconds by which each begins after the context
 * @returns {{ fps: number, frames: number }}
 */
export function timelineOf(clips, delays = []) {
  const all = clips.map((clip, k) => ({ clip, delay: delays[k] || 0 }));
  const moving = all.filter(({ clip }) => hasVideo(clip));
  const lengths = moving.length
    ? moving.map(({ clip: { fps, frames }, delay }) => ({ fps, frames, delay }))
    : all.map(({ clip: { rate, path }, delay }) => ({ fps: rate, frames: path ? path.length : 1, delay }));
  if (!lengths.length) return { fps: 1, frames: 0 };
  const { fps } = lengths[0];
  const duration = Math.max(0, ...lengths.map((each) => (each.frames - 1) / each.fps + each.delay));
  return { fps, frames: Math.floor(duration * fps + 0.5) + 1 };
}

/** @param {import("./messages.js").Clip | null} clip */
export function hasVideo(clip) {
  return Boolean(clip && (clip.src || clip.strip));
}

/** A frame that exists: whole, not before the first, not after the last. */
export function frameWithin(frame, frames) {
  return Math.max(0, Math.min(Math.max(0, frames - 1), Math.floor(frame)));
}

/**
 * What a clip shows at a time; drift is in frames of that clip. Before it begins (early) that is its first frame.
 * @param {{ fps: number, frames: number }} clip
 * @param {number} time
 */
export function shotAt(clip, time) {
  const wanted = nearestFrame(time, clip.fps);
  const k = Math.min(wanted, clip.frames - 1);
  const ended = wanted > clip.frames - 1;
  const early = time < -0.5 / clip.fps - SLACK;
  const drift = ended || early ? 0 : Math.round(Math.abs(k / clip.fps - time) * clip.fps * 1e6) / 1e6;
  return { clip, k, ended, early, drift };
}

/**
 * The first and last frame that playing shows: between A and B where it loops and they are set.
 * @param {{ frames: number, loop: boolean, a: number | null, b: number | null }} state
 * @returns {[number, number]}
 */
export function boundsOf({ frames, loop, a, b }) {
  const last = Math.max(0, frames - 1);
  const from = loop && a !== null ? Math.min(a, last) : 0;
  const to = loop && b !== null ? Math.min(b, last) : last;
  return from <= to ? [from, to] : [to, from];
}

/**
 * The clock a moment later.
 * @param {{ time: number, fps: number, speed: number, loop: boolean }} clock
 * @param {[number, number]} bounds
 * @param {number} passed seconds
 * @returns {{ time: number, frame: number, over: boolean }} over: the end is reached and it does not loop
 */
export function advance({ time, fps, speed, loop }, [from, to], passed) {
  const [start, end] = [from / fps, (to + 1) / fps]; // the last frame stays for its own time
  let next = time + passed * speed;
  if (next >= end) {
    if (!loop) return { time: to / fps, frame: to, over: true };
    next = start + ((next - end) % (end - start));
  }
  return { time: next, frame: Math.max(0, Math.min(to, Math.floor(next * fps + SLACK))), over: false }; // rounding must not pass B
}

/**
 * The point of a path at a time.
 * @param {{ points: [number, number][], rate: number }} path
 * @param {number} time
 */
export function pointAt(path, time) {
  const at = Math.max(0, Math.min(path.points.length - 1, time * path.rate));
  const k = Math.min(Math.floor(at), path.points.length - 2);
  if (path.points.length < 2) return path.points[0];
  const part = at - k;
  const [a, b] = [path.points[k], path.points[k + 1]];
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
}

/**
 * `count` frames by how soon they are needed: ahead of the focus, round the end, with a quarter kept behind it.
 * @param {number} at the focus
 * @param {number} frames how many the clip has
 * @param {number} count
 */
export function neededAround(at, frames, count) {
  const behind = Math.floor(count / 4);
  const ahead = Array.from({ length: count - behind }, (_, d) => (at + d) % frames);
  return ahead.concat(Array.from({ length: behind }, (_, d) => (at - 1 - d + 2 * frames) % frames));
}

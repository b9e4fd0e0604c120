/* Videos that play together: all that are in sight on the page share one clock, which starts over when the longest ends.

   Contract: momentOf(elapsed, longest) and offBy(now, wanted, playing) are pure. watchTogether() is called after every change
   of the page and runs a loop only while there is something to play; hearTogether() once. Videos out of sight are let go,
   because a browser opens a limited number of them. */

const REST = 0.8; // seconds at the end, before all start over
const STEP = 0.2; // seconds of one press: a frame at 5 Hz
const SELECTOR = "[data-lockstep] video";

/** Where all videos stand after so many seconds of playing. */
export function momentOf(elapsed, longest) {
  if (!(longest > 0)) return 0;
  return Math.min(elapsed % (longest + REST), longest);
}

/** Whether a video has to be moved: playing ones may be off by a little, standing ones not. */
export function offBy(now, wanted, playing) {
  return Math.abs(now - wanted) > (playing ? 0.15 : 0.02);
}

const clock = { playing: true, at: 0, last: 0, looping: false };

function inSight(video) {
  const box = video.getBoundingClientRect();
  return (
    box.width > 0 && box.bottom > -50 && box.top < innerHeight + 50 && box.right > -50 && box.left < innerWidth + 50
  );
}

function open(video) {
  if (video.preload === "auto") return;
  video.preload = "auto";
  video.muted = true;
  video.load();
}

function letGo(video) {
  if (video.preload !== "auto") return;
  video.pause();
  video.preload = "none";
  video.load();
}

function follow(video, moment) {
  const wanted = Math.min(moment, Math.max(0, video.duration - 0.01));
  const runs = clock.playing && moment < video.duration - 0.05;
  if (offBy(video.currentTime, wanted, runs && !video.paused)) video.currentTime = wanted;
  if (runs && video.paused) video.play().catch(() => {});
  if (!runs && !video.paused) video.pause();
}

function tick(now) {
  const all = Array.from(document.querySelectorAll(SELECTOR));
  clock.looping = all.length > 0;
  if (!clock.looping) return;
  if (clock.playing) clock.at += Math.min(0.25, (now - clock.last) / 1000);
  clock.last = now;
  const seen = all.filter(inSight);
  for (const video of all) if (!seen.includes(video)) letGo(video);
  for (const video of seen) open(video);
  const ready = seen.filter((video) => video.readyState >= 1 && Number.isFinite(video.duration));
  const longest = Math.max(0, ...ready.map((video) => video.duration));
  const moment = momentOf(clock.at, longest);
  for (const video of ready) follow(video, moment);
  requestAnimationFrame(tick);
}

export function watchTogether() {
  if (clock.looping || !document.querySelector(SELECTOR)) return;
  clock.looping = true;
  clock.last = performance.now();
  requestAnimationFrame(tick);
}

export function hearTogether() {
  clock.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.addEventListener("click", (event) => {
    const act = event.target.closest?.("[data-together]")?.dataset.together;
    if (!act) return;
    if (act === "toggle") clock.playing = !clock.playing;
    else clock.playing = false;
    if (act === "start") clock.at = 0;
    if (act === "back") clock.at = Math.max(0, clock.at - STEP);
    if (act === "on") clock.at += STEP;
  });
}

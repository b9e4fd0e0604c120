/* The page is shown once it stands: what Gradio mounts piece by piece, and what the server fills in at the start, would
   push the rest about under the reader's eyes.

   Contract: standsStill(heights) is pure. waitReady() sets data-wz-ready on the document once the page is whole and its
   height rests, or once patience is over; until then the head's style sheet keeps all but the header invisible. */

const CALM = 3; // frames of one height
const CALM_MS = 150; // and for so long: a busy machine mounts one piece a frame
const PATIENCE = 20_000; // milliseconds after the last piece was mounted: whatever is missing then may come later
const LOADER = ".wrap.full.translucent .loading"; // Gradio's own, over everything until all is mounted (6.31)
const FILLED = [
  ["#wz-field", ".wz-system"],
  ["#wz-about", ".wz-markup > *"],
  ["#wz-episodes", ".wz-markup > *"],
  ["#wz-meaning", ".wz-markup > *"],
  ["#wz-history", ".wz-markup > *"],
  ["#wz-grid", ".wz-markup > *"],
];

/** @param {[number, number][]} seen time (ms) and height of the page, frame by frame; 0 while it is not whole */
export function standsStill(seen) {
  const [now, height] = seen.at(-1) ?? [0, 0];
  const moved = seen.findLastIndex(([, other]) => other !== height);
  const calm = seen.slice(moved + 1);
  return height > 0 && calm.length >= CALM && now - calm[0][0] >= CALM_MS;
}

/* Whether everything that belongs to the first look is there. */
function whole() {
  if (!document.querySelector(".wz-footer") || document.querySelector(LOADER)) return false;
  return FILLED.every(([host, inside]) => {
    const found = document.querySelector(host);
    return !found || found.querySelector(inside);
  });
}

export function waitReady() {
  const seen = [];
  let mounted = 0;
  const look = (now) => {
    const there = document.querySelector(".wz-footer");
    if (there && !mounted) mounted = now;
    seen.push([now, whole() ? document.documentElement.scrollHeight : 0]);
    if (standsStill(seen) || (mounted && now - mounted > PATIENCE)) {
      document.documentElement.dataset.wzReady = "";
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

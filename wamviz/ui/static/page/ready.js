/* The page is shown once it stands: what Gradio mounts piece by piece, and what the server fills in at the start, would
   push the rest about under the reader's eyes.

   Contract: standsStill(heights) is pure. waitReady() sets data-wz-ready on the document once the page is whole and its
   height rests, or once patience is over; until then the head's style sheet keeps all but the header invisible. */

const CALM = 3; // frames of one height
const PATIENCE = 20_000; // milliseconds after the last piece was mounted: whatever is missing then may come later
const FILLED = [
  ["#wz-field", ".wz-system"],
  ["#wz-episodes", ".wz-markup > *"],
  ["#wz-history", ".wz-markup > *"],
];

/** @param {number[]} heights of the page, frame by frame */
export function standsStill(heights) {
  const last = heights.slice(-CALM);
  return last.length === CALM && last.every((height) => height > 0 && height === last[0]);
}

/* Whether everything that belongs to the first look is there. */
function whole() {
  if (!document.querySelector(".wz-footer")) return false;
  return FILLED.every(([host, inside]) => {
    const found = document.querySelector(host);
    return !found || found.querySelector(inside);
  });
}

export function waitReady() {
  const heights = [];
  let mounted = 0;
  const look = (now) => {
    const there = document.querySelector(".wz-footer");
    if (there && !mounted) mounted = now;
    heights.push(whole() ? document.documentElement.scrollHeight : 0);
    if (standsStill(heights) || (mounted && now - mounted > PATIENCE)) {
      document.documentElement.dataset.wzReady = "";
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

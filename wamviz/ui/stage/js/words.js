/* What the stage says: every sentence that depends on numbers.

   Contract: pure functions from state to text. Text of people passes through unchanged; the caller writes it as text. */

export const VIEW_WORDS = {
  "onion-skin": { title: "onion skin", joint: "under", amount: "Opacity" },
  wipe: { title: "wipe", joint: "left, right", amount: "Position" },
  difference: { title: "difference", joint: "minus", amount: "Gain" },
};

/** Where the clock stands. */
export function clockWords(frame, frames, fps) {
  return `frame ${frame} of ${Math.max(0, frames - 1)}, ${(frame / fps).toFixed(2)} s`;
}

/** What a canvas shows, for those who do not see it. */
export function shotWords(name, shot) {
  const seconds = `${(shot.k / shot.clip.fps).toFixed(2)} s`;
  return `${name}, frame ${shot.k} of ${shot.clip.frames - 1}, ${seconds}${shot.ended ? ", ended" : ""}`;
}

/**
 * How far along, and how long it still takes.
 * @param {import("./messages.js").Progress} preview
 */
export function progressWords(preview) {
  const step = preview.step > 0 ? `step ${preview.step} of ${preview.steps}` : preview.note || "starting";
  if (!(preview.eta > 0)) return { step, left: "" };
  const seconds = preview.eta < 10 ? preview.eta.toFixed(1) : Math.round(preview.eta);
  return { step, left: ` · about ${seconds} s left` };
}

/** A sample's name: its number, and the label it came with. */
export function sampleWords(clip, k) {
  return `sample ${k + 1}${clip.label ? `, ${clip.label}` : ""}`;
}

/** Why a pane shows no picture; [why, state], why is "" where it shows one. */
export function missingWords({ name, missing, clip, error, hidden }) {
  if (hidden) return ["The recording is hidden. Press g, or the eye below, to show it.", "hidden"];
  if (!clip?.src && !clip?.strip) return [clip?.missing || missing || `There is no ${name} video.`, "missing"];
  if (error) return [`The ${name} video cannot be shown: ${error}.`, "failed"];
  return ["", "shown"];
}

/** The slider of a view: its limits, its value, and the words beside it. */
export function amountOf(view, amount) {
  if (view === "difference") {
    const done = `${(100 * (amount - 1)) / 15}%`;
    return { min: "1", max: "16", step: "0.5", value: String(amount), shown: `×${amount}`, done };
  }
  const percent = Math.round(amount * 100);
  return { min: "0", max: "100", step: "1", value: String(percent), shown: `${percent} %`, done: `${100 * amount}%` };
}

/**
 * A place among others.
 * @param {number} place from 1
 */
export function ordinal(place) {
  const last = place % 100 > 10 && place % 100 < 14 ? 0 : place % 10;
  return `${place}${["th", "st", "nd", "rd"][last] || "th"}`;
}

/** Columns of a grid of so many cells: as few rows as leave the pictures large enough. */
export function columnsOf(cells) {
  const rows = cells <= 4 ? 1 : cells <= 10 ? 2 : cells <= 18 ? 3 : 4;
  return Math.max(1, Math.ceil(cells / rows));
}

/** By how much the recording is shifted. */
export function delayWords(seconds) {
  if (!seconds) return "with the context";
  return seconds > 0 ? `${seconds.toFixed(2)} s later` : `${(-seconds).toFixed(2)} s earlier`;
}

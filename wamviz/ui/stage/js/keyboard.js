/* Keys: which one does what while the stage has the focus.

   Contract: commandOf(press) is a pure function; it answers with the name of an act and its argument, or null where the
   key belongs to somebody else: the browser, or the control that is focused. */

const KEYS = {
  " ": ["play"],
  Home: ["first"],
  End: ["last"],
  "[": ["mark-a"],
  "]": ["mark-b"],
  ",": ["speed", -1],
  ".": ["speed", 1],
  g: ["recorded"],
  o: ["view", "onion-skin"],
  d: ["view", "difference"],
  w: ["view", "wipe"],
  a: ["view", "samples"],
  p: ["paths"],
  x: ["pixels"],
  l: ["loop"],
  s: ["save"],
  f: ["fullscreen"],
  m: ["maximise"],
  v: ["present"],
  n: ["run", 1],
  b: ["run", -1],
  PageDown: ["run", 1],
  PageUp: ["run", -1],
  "?": ["help"],
  ArrowUp: ["nudge", 1],
  ArrowDown: ["nudge", -1],
  ArrowLeft: ["step", -1],
  ArrowRight: ["step", 1],
};
const SLIDING = /^(Arrow|Home|End|Page)/;

/**
 * @param {{ key: string, shift?: boolean, command?: boolean, composing?: boolean, on?: string }} press
 *   command: Ctrl, Meta or Alt is held; on: what is focused: "text", "button", "slider", "scrub" or ""
 * @returns {[string, (string | number)?] | null}
 */
export function commandOf({ key, shift = false, command = false, composing = false, on = "" }) {
  if (command || composing || on === "text") return null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (name === " " && on === "button") return null; // the button's own key
  if (SLIDING.test(name) && (on === "slider" || (on === "scrub" && !shift))) return null; // the slider's own keys
  if (/^[1-9]$/.test(name)) return ["sample", Number(name) - 1];
  const found = Object.hasOwn(KEYS, name) ? KEYS[name] : null;
  return found?.[0] === "step" && shift ? ["chunk", found[1]] : found;
}

/** What is focused, in the words of commandOf. */
export function focusedOn(target, scrub) {
  if (target.matches("select, [type=text], textarea")) return "text";
  if (target.matches("button")) return "button";
  if (target === scrub) return "scrub";
  return target.matches("[type=range]") ? "slider" : "";
}

/* Which key, touch or stick moves the hand which way.

   Contract: pure. A control is a name; held controls and the picture's directions on the table give an action's first
   six numbers, in metres and radians. */

const BY_KEY = {
  arrowup: "away",
  w: "away",
  arrowdown: "near",
  s: "near",
  arrowleft: "left",
  a: "left",
  arrowright: "right",
  d: "right",
  q: "up",
  e: "down",
  z: "turn-left",
  r: "turn-left",
  x: "turn-right",
  f: "turn-right",
  " ": "grip",
};
const TURN = 5; // radians a metre of speed: 0.15 rad an action at 3 cm
const DEAD = 0.3; // a stick that is moved less rests

/** @param {{ key: string, command?: boolean }} press @returns {string | null} the control of a key */
export function controlOf({ key, command = false }) {
  return command ? null : (BY_KEY[key.toLowerCase()] ?? null);
}

/** What sticks and buttons of a gamepad hold: left stick moves, right stick turns and lifts, the first button grips.
 * @param {{ axes: readonly number[], buttons: readonly { pressed: boolean }[] } | null} pad */
export function heldOn(pad) {
  if (!pad) return [];
  const [x = 0, y = 0, turn = 0, lift = 0] = pad.axes;
  const held = [];
  if (x > DEAD) held.push("right");
  if (x < -DEAD) held.push("left");
  if (y > DEAD) held.push("near");
  if (y < -DEAD) held.push("away");
  if (turn > DEAD) held.push("turn-right");
  if (turn < -DEAD) held.push("turn-left");
  if (lift > DEAD) held.push("down");
  if (lift < -DEAD) held.push("up");
  if (pad.buttons[0]?.pressed) held.push("grip");
  return held;
}

/** The hand's motion in an action: dx dy dz (m) and drx dry drz (rad); null where nothing that moves is held.
 * @param {Iterable<string>} held
 * @param {{ right: number[], away: number[] }} axes directions on the table
 * @param {number} speed metres an action */
export function motionOf(held, axes, speed) {
  const on = new Set(held);
  const across = Number(on.has("right")) - Number(on.has("left"));
  const along = Number(on.has("away")) - Number(on.has("near"));
  const lift = Number(on.has("up")) - Number(on.has("down"));
  const turn = Number(on.has("turn-left")) - Number(on.has("turn-right"));
  if (!across && !along && !lift && !turn) return null;
  const [x, y] = [0, 1].map((k) => speed * (across * axes.right[k] + along * axes.away[k]));
  return [x, y, speed * lift, 0, 0, speed * turn * TURN];
}

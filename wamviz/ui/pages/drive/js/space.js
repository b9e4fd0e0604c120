/* From the picture to the world and back, for what is drawn on it.

   Contract: pure. A projection is 3 x 4: metres in the robot's base frame to the picture, 0 .. 1 each way. A place in the
   picture belongs to many in the world; with a height it belongs to one. */

/** Where a place [x, y, z] is in the picture: [u, v]. */
export function project(camera, [x, y, z]) {
  const [u, v, depth] = camera.map((row) => row[0] * x + row[1] * y + row[2] * z + row[3]);
  return [u / depth, v / depth];
}

/** The place [x, y, z] at height z (m) that is seen at [u, v]; null where there is none in front of the camera. */
export function placeAt(camera, [u, v], z) {
  const [a, b] = [u, v].map((share, k) => camera[k].map((value, i) => value - share * camera[2][i]));
  const [c, d] = [a, b].map((row) => -(row[2] * z + row[3]));
  const turn = a[0] * b[1] - a[1] * b[0];
  if (Math.abs(turn) < 1e-9) return null;
  const [x, y] = [(c * b[1] - d * a[1]) / turn, (a[0] * d - b[0] * c) / turn];
  const depth = camera[2][0] * x + camera[2][1] * y + camera[2][2] * z + camera[2][3];
  return depth > 0 && Math.abs(x) < 3 && Math.abs(y) < 3 ? [x, y, z] : null;
}

/** The picture's right and away as directions on the table, each of length 1. */
export function directions(camera, at) {
  const [u, v] = project(camera, at);
  return [
    [u + 0.01, v],
    [u, v - 0.01],
  ].map((seen) => {
    const place = placeAt(camera, seen, at[2]) ?? at;
    const [x, y] = [place[0] - at[0], place[1] - at[1]];
    const long = Math.hypot(x, y) || 1;
    return [x / long, y / long];
  });
}

/** The fewest of some places such that no left out one is farther than `near` (m) from the line through them. */
export function simplify(places, near) {
  if (places.length < 3) return places;
  const [first, last] = [places[0], places.at(-1)];
  let [worst, at] = [0, 0];
  places.forEach((place, k) => {
    const far = awayFrom(place, first, last);
    if (far > worst) [worst, at] = [far, k];
  });
  if (worst <= near) return [first, last];
  return [...simplify(places.slice(0, at + 1), near).slice(0, -1), ...simplify(places.slice(at), near)];
}

function awayFrom(place, from, to) {
  const way = to.map((value, k) => value - from[k]);
  const long = way.reduce((sum, value) => sum + value * value, 0);
  const along = place.reduce((sum, value, k) => sum + (value - from[k]) * way[k], 0);
  const share = long ? Math.min(1, Math.max(0, along / long)) : 0;
  return Math.hypot(...place.map((value, k) => value - from[k] - share * way[k]));
}

/** The gripper after each corner: it changes at those that say `flip`. */
export function grips(corners, gripper) {
  let closed = gripper > 0.5;
  return corners.map(({ flip }) => {
    if (flip) closed = !closed;
    return Number(closed);
  });
}

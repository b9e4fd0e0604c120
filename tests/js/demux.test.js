/* Where the frames of an MP4 lie: a file written here, whole and torn. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { demux } from "../../wamviz/ui/stage/js/demux.js";

const bytes = (...numbers) => numbers.flatMap((n) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const box = (type, ...parts) => {
  const body = parts.flat();
  return [...bytes(body.length + 8), ...[...type].map((c) => c.charCodeAt(0)), ...body];
};
const full = (type, ...parts) => box(type, bytes(0), ...parts); // version and flags first

/* A track whose frames have these sizes; offsets move them in time, keys (from 1) can be decoded alone. */
function film({ sizes, offsets = null, keys = null, format = "avc1", chunkAt = 8 }) {
  const avcC = box("avcC", [1, 0x64, 0, 0x1f, 255, 225]);
  const sample = Array(78).fill(0);
  sample.splice(24, 4, 0, 128, 0, 96); // width, height
  const tables = [
    full("stsd", bytes(1), box(format, sample, avcC)),
    full("stts", bytes(1, sizes.length, 100)),
    ...(offsets ? [full("ctts", bytes(offsets.length, ...offsets.flatMap((offset) => [1, offset])))] : []),
    full("stsc", bytes(1, 1, sizes.length, 1)),
    full("stsz", bytes(0, sizes.length, ...sizes)),
    full("stco", bytes(1, chunkAt)),
    ...(keys ? [full("stss", bytes(keys.length, ...keys))] : []),
  ];
  const handler = full(
    "hdlr",
    bytes(0),
    [..."vide"].map((c) => c.charCodeAt(0)),
    bytes(0, 0, 0),
  );
  const media = box("mdia", handler, box("minf", box("stbl", ...tables)));
  const data = Array(sizes.reduce((sum, size) => sum + size, 0)).fill(7);
  return Uint8Array.from([...box("mdat", data), ...box("moov", box("trak", media))]).buffer;
}

test("frames lie one behind the other, with the size and the codec of the track", () => {
  const found = demux(film({ sizes: [10, 20, 30] }));
  assert.deepEqual([found.codec, found.width, found.height], ["avc1.64001f", 128, 96]);
  assert.deepEqual(
    found.samples.map(({ at, size }) => [at, size]),
    [
      [8, 10],
      [18, 20],
      [38, 30],
    ],
  );
  assert.ok(found.samples.every(({ key }) => key));
  assert.deepEqual(found.order, [0, 1, 2]);
});

test("frames that are decoded in another order are numbered as they are shown", () => {
  const found = demux(film({ sizes: [9, 9, 9, 9], offsets: [100, 300, 0, 0], keys: [1] })); // I P B B
  assert.deepEqual(
    found.samples.map(({ rank }) => rank),
    [0, 3, 1, 2],
  );
  assert.deepEqual(found.order, [0, 2, 3, 1]);
  assert.deepEqual(
    found.samples.map(({ key }) => key),
    [true, false, false, false],
  );
});

test("another codec is left to the video element", () => {
  assert.equal(demux(film({ sizes: [10], format: "hvc1" })), null);
});

test("frames beyond the end of the file are not believed", () => {
  assert.equal(demux(film({ sizes: [10, 20], chunkAt: 100000 })), null);
});

test("a torn file, or none at all, ends in null and never in an exception", () => {
  const whole = film({ sizes: [10, 20, 30], offsets: [0, 0, 0] });
  for (let length = 0; length < whole.byteLength; length += 1) assert.equal(demux(whole.slice(0, length)), null);
  assert.equal(demux(new TextEncoder().encode("dear robot, this is a letter").buffer), null);
});

test("any damaged byte gives an answer within the file, or null", () => {
  const whole = new Uint8Array(film({ sizes: [10, 20, 30], offsets: [0, 0, 0], keys: [1] }));
  for (let at = 0; at < whole.length; at += 1) {
    for (const value of [0, 1, 127, 255]) {
      const damaged = whole.slice();
      damaged[at] = value;
      const found = demux(damaged.buffer);
      if (found) for (const { at: start, size } of found.samples) assert.ok(start + size <= damaged.length);
    }
  }
});

/* Where the frames of an MP4 lie.

   Contract: demux(buffer) returns { codec, description, width, height, samples, order } for the first H.264 track
   of a complete file, or null when the file has none (the caller then lets a <video> element try). samples are in
   decoding order: { at, size, key, rank }; rank is the frame's number as shown; order[rank] is its place in samples.
   It decodes nothing and trusts nothing: a box that claims to be longer than its parent ends there. */

export function demux(buffer) {
  const view = new DataView(buffer);
  const name = (at) =>
    String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
  const tracks = [];

  function walk(start, end, visit) {
    for (let at = start; at + 8 <= end; ) {
      let size = view.getUint32(at);
      let head = 8;
      if (size === 1 && at + 16 <= end) {
        size = Number(view.getBigUint64(at + 8));
        head = 16;
      } else if (size === 0) {
        size = end - at;
      }
      if (size < head) return;
      visit(name(at + 4), at + head, Math.min(end, at + size));
      at += size;
    }
  }

  /* A table of `count` rows of `width` 32-bit numbers, `skip` bytes after the box's version and flags. */
  function table(start, end, width, skip = 0) {
    const count = Math.min(view.getUint32(start + 4 + skip), Math.floor((end - start - 8 - skip) / (4 * width)));
    return Array.from({ length: count }, (_, row) =>
      Array.from({ length: width }, (_, column) => view.getUint32(start + 8 + skip + 4 * (row * width + column))),
    );
  }

  function visit(type, start, end) {
    const track = tracks[tracks.length - 1];
    if (type === "trak") {
      tracks.push({});
      walk(start, end, visit);
    } else if (["moov", "mdia", "minf", "stbl"].includes(type)) {
      walk(start, end, visit);
    } else if (!track) {
      return;
    } else if (type === "hdlr") {
      track.handler = name(start + 8);
    } else if (type === "stsd") {
      track.format = name(start + 12);
      track.width = view.getUint16(start + 40);
      track.height = view.getUint16(start + 42);
      walk(start + 94, end, (inner, from, to) => {
        if (inner === "avcC") track.description = new Uint8Array(buffer.slice(from, to));
      });
    } else if (type === "stts") {
      track.durations = table(start, end, 2);
    } else if (type === "ctts") {
      track.offsets = table(start, end, 2);
    } else if (type === "stsz") {
      const same = view.getUint32(start + 4);
      track.sizes = same
        ? Array(Math.min(view.getUint32(start + 8), 1e6)).fill(same)
        : table(start, end, 1, 4).map((row) => row[0]);
    } else if (type === "stco") {
      track.chunks = table(start, end, 1).map((row) => row[0]);
    } else if (type === "stsc") {
      track.runs = table(start, end, 3);
    } else if (type === "stss") {
      track.keys = new Set(table(start, end, 1).map((row) => row[0] - 1));
    }
  }

  try {
    walk(0, buffer.byteLength, visit);
  } catch (_error) {
    return null; // a number that lies outside the file: torn, or no MP4 at all
  }
  const track = tracks.find((each) => each.handler === "vide" && each.format === "avc1" && each.description);
  if (!track?.sizes || !track.chunks || !track.runs?.length || !track.durations) return null;

  const samples = [];
  let run = 0;
  for (let chunk = 0; chunk < track.chunks.length; chunk += 1) {
    while (run + 1 < track.runs.length && track.runs[run + 1][0] <= chunk + 1) run += 1;
    let at = track.chunks[chunk];
    for (let k = 0; k < track.runs[run][1] && samples.length < track.sizes.length; k += 1) {
      const size = track.sizes[samples.length];
      if (at + size > buffer.byteLength) return null;
      samples.push({ at, size, key: !track.keys || track.keys.has(samples.length), time: 0, rank: 0 });
      at += size;
    }
  }
  if (!samples.length) return null;
  let at = 0;
  let time = 0;
  for (const [count, duration] of track.durations) {
    for (let k = 0; k < count && at < samples.length; k += 1, at += 1, time += duration) samples[at].time = time;
  }
  at = 0;
  for (const [count, offset] of track.offsets || []) {
    for (let k = 0; k < count && at < samples.length; k += 1, at += 1) samples[at].time += offset | 0;
  }
  const order = samples.map((_, k) => k).sort((a, b) => samples[a].time - samples[b].time || a - b);
  for (const [rank, place] of order.entries()) samples[place].rank = rank;
  const hex = (byte) => byte.toString(16).padStart(2, "0");
  const [, profile, compatible, level] = track.description;
  return {
    codec: `avc1.${hex(profile)}${hex(compatible)}${hex(level)}`,
    description: track.description,
    width: track.width,
    height: track.height,
    samples,
    order,
  };
}

/* Decoders: frame k of a file is exactly its k-th frame.

   Contract: a decoder has frames, width, height, batch (frames between two looks at what is wanted), decode(wanted,
   keep) and rest(). WebCodecs numbers every frame; where it is missing (a page that is not served from this machine or
   over https, another codec), a <video> is sought and its own report of the shown time is checked, because drawing
   right after "seeked" now and then paints the frame before. */

import { demux } from "./demux.js";

export const BATCH = 4; // frames between two looks at what is wanted now; about 10 ms of decoding at 256 x 256
const LINKED_BATCH = 48; // the same where frames build on others, so that their key frame is not decoded again and again

export class CodecDecoder {
  constructor(buffer, found) {
    Object.assign(this, { buffer, found, frames: found.samples.length, width: found.width, height: found.height });
    this.decoder = null;
    this.batch = found.samples.every((sample) => sample.key) ? BATCH : LINKED_BATCH;
  }

  static async open(buffer) {
    if (typeof VideoDecoder === "undefined") return null;
    const found = demux(buffer);
    if (!found?.samples.length) return null;
    try {
      const asked = await VideoDecoder.isConfigSupported(CodecDecoder.config(found));
      return asked.supported ? new CodecDecoder(buffer, found) : null;
    } catch (_error) {
      return null;
    }
  }

  static config(found) {
    return {
      codec: found.codec,
      description: found.description,
      codedWidth: found.width,
      codedHeight: found.height,
      optimizeForLatency: true,
      hardwareAcceleration: "prefer-software", // small frames: a hardware decoder only adds a start-up time
    };
  }

  /* Decode frame numbers `wanted` (ascending) and hand every decoded frame to keep(number, bitmap). */
  async decode(wanted, keep) {
    const { samples, order } = this.found;
    const places = wanted.map((k) => order[k]);
    let failed = null;
    const pending = [];
    if (!this.decoder || this.decoder.state === "closed") {
      this.decoder = new VideoDecoder({ output: (frame) => this.output(frame), error: (error) => this.fail(error) });
      this.decoder.configure(CodecDecoder.config(this.found));
    }
    this.output = (frame) => {
      const number = frame.timestamp;
      pending.push(
        createImageBitmap(frame)
          .then((bitmap) => keep(number, bitmap))
          .finally(() => frame.close()),
      );
    };
    this.fail = (error) => (failed = error);
    let next = -1; // the first place not yet fed
    for (const place of [...places].sort((a, b) => a - b)) {
      if (place < next) continue;
      let from = place;
      while (from > 0 && !samples[from].key) from -= 1;
      for (let k = Math.max(from, next); k <= place; k += 1) this.feed(samples[k]);
      next = place + 1;
    }
    await this.decoder.flush().catch((error) => (failed = failed || error));
    await Promise.all(pending);
    if (failed) {
      this.rest();
      throw failed;
    }
  }

  feed(sample) {
    if (this.decoder.state !== "configured") return;
    const data = new Uint8Array(this.buffer, sample.at, sample.size);
    this.decoder.decode(new EncodedVideoChunk({ type: sample.key ? "key" : "delta", timestamp: sample.rank, data }));
  }

  rest() {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
  }
}

export class SeekDecoder {
  constructor(video, frames, fps) {
    Object.assign(this, { video, frames, fps, width: video.videoWidth, height: video.videoHeight, shown: -1 });
    this.batch = 1;
  }

  static open(url, frames, fps) {
    const video = document.createElement("video");
    Object.assign(video, { muted: true, playsInline: true, preload: "auto", src: url });
    return new Promise((resolve, reject) => {
      video.onloadeddata = () => resolve(new SeekDecoder(video, frames, fps));
      video.onerror = () => reject(new Error("this browser cannot decode it"));
    });
  }

  async decode(wanted, keep) {
    for (const k of wanted) {
      await this.seek(k);
      keep(k, await createImageBitmap(this.video));
    }
  }

  /* Show frame k and return once the element itself says so. */
  async seek(k) {
    const { video, fps } = this;
    const shows = (time) => Math.abs(time * fps - k) < 0.5;
    for (let attempt = 0; attempt < 4; attempt += 1) {
      // A hidden page paints nothing, so nothing would be reported.
      while (document.hidden)
        await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
      const said = new Promise((resolve) => {
        const settle = () => setTimeout(() => resolve(null), 250); // no report: an old browser, or nothing to repaint
        video.onseeked = settle;
        if (video.requestVideoFrameCallback) {
          const report = (_, facts) =>
            shows(facts.mediaTime) ? resolve(facts.mediaTime) : video.requestVideoFrameCallback(report);
          video.requestVideoFrameCallback(report);
        }
      });
      video.currentTime = (k + 0.5 + (attempt % 2 ? 0.2 : 0)) / fps; // the middle of the frame, never its edge
      if ((await said) !== null || this.shown === k || (!video.requestVideoFrameCallback && attempt)) {
        this.shown = k;
        return;
      }
    }
    throw new Error(`frame ${k} did not appear`);
  }

  rest() {}
}

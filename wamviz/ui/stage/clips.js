/* Clips: the frames of one rollout, decoded once and kept within a budget.

   Contract: a clip has frames, fps, width, height, error (a sentence or ""), has(k), draw(context, k, x, y, w, h),
   focus(k) (decode around k first), and calls changed() whenever more frames are there or the clip failed.
   Frame k is exactly the k-th frame of the file: WebCodecs numbers every frame; where it is missing (a page that is
   not served from this machine or over https, another codec), a <video> is sought and its own report of the shown
   time is checked, because drawing right after "seeked" now and then paints the frame before. Nothing here knows
   the clock or the page. */

const CACHE_BYTES = 192 * 2 ** 20; // decoded frames in all clips together
const WHOLE_FILE_BYTES = 96 * 2 ** 20; // longer files are streamed by a <video> element instead of held
const BATCH = 4; // frames between two looks at what is wanted now; about 10 ms of decoding at 256 x 256
const LOOKAHEAD = 64; // frames kept ready where a clip is too long to be held whole
const LINKED_BATCH = 48; // the same where frames build on others, so that their key frame is not decoded again and again

class CodecDecoder {
  constructor(buffer, found) {
    Object.assign(this, { buffer, found, frames: found.samples.length, width: found.width, height: found.height });
    this.decoder = null;
    this.batch = found.samples.every((sample) => sample.key) ? BATCH : LINKED_BATCH;
  }

  static async open(buffer) {
    if (typeof VideoDecoder === "undefined") return null;
    const found = demux(buffer);
    if (!found || !found.samples.length) return null;
    try {
      const asked = await VideoDecoder.isConfigSupported(CodecDecoder.config(found));
      return asked.supported ? new CodecDecoder(buffer, found) : null;
    } catch (error) {
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
      pending.push(createImageBitmap(frame).then((bitmap) => keep(number, bitmap)).finally(() => frame.close()));
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

class SeekDecoder {
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
      while (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
      const said = new Promise((resolve) => {
        const settle = () => setTimeout(() => resolve(null), 250); // no report: an old browser, or nothing to repaint
        video.onseeked = settle;
        if (video.requestVideoFrameCallback) {
          const report = (_, facts) => (shows(facts.mediaTime) ? resolve(facts.mediaTime) : video.requestVideoFrameCallback(report));
          video.requestVideoFrameCallback(report);
        }
      });
      video.currentTime = (k + 0.5 + (attempt % 2 ? 0.2 : 0)) / fps; // the middle of the frame, never its edge
      if ((await said) !== null || this.shown === k || (!video.requestVideoFrameCallback && attempt)) {
        this.shown = k;
        return;
      }
    }
    throw new Error("frame " + k + " did not appear");
  }

  rest() {}
}

class Clip {
  constructor(spec, changed) {
    this.spec = spec;
    this.changed = changed;
    this.frames = Math.max(1, spec.frames || 1);
    this.fps = spec.fps > 0 ? spec.fps : 1;
    this.width = spec.width || 1;
    this.height = spec.height || 1;
    this.error = "";
    this.cache = new Map();
    this.share = CACHE_BYTES;
    this.at = 0;
    this.closed = false;
    this.open().catch((error) => this.fail(error));
  }

  get bytes() {
    return this.frames * this.width * this.height * 4;
  }

  get capacity() {
    return Math.min(this.frames, Math.max(12, Math.floor(this.share / (this.width * this.height * 4))));
  }

  async open() {
    const url = localUrl(this.spec.src);
    const answer = await fetch(url).catch(() => null);
    if (!answer) throw new Error("the server does not answer");
    if (!answer.ok) throw new Error("the server says " + answer.status);
    if (Number(answer.headers.get("content-length")) > WHOLE_FILE_BYTES) {
      if (answer.body) answer.body.cancel();
      this.decoder = await SeekDecoder.open(url, this.frames, this.fps);
    } else {
      const buffer = await answer.arrayBuffer();
      this.decoder = await CodecDecoder.open(buffer);
      if (!this.decoder) {
        this.object = URL.createObjectURL(new Blob([buffer], { type: "video/mp4" }));
        this.decoder = await SeekDecoder.open(this.object, this.frames, this.fps);
      }
    }
    Object.assign(this, { frames: this.decoder.frames, width: this.decoder.width, height: this.decoder.height });
    if (this.closed) return this.close();
    this.changed();
    this.pump();
  }

  has(k) {
    return this.cache.has(k);
  }

  draw(context, k, x, y, w, h) {
    const bitmap = this.cache.get(k);
    if (bitmap) context.drawImage(bitmap, x, y, w, h);
  }

  focus(k) {
    this.at = k;
    this.pump();
  }

  /* `count` frames by how soon they are needed: ahead of the focus, round the end, with a quarter kept behind it. */
  window(count) {
    const behind = Math.floor(count / 4);
    const ahead = Array.from({ length: count - behind }, (_, d) => (this.at + d) % this.frames);
    return ahead.concat(Array.from({ length: behind }, (_, d) => (this.at - 1 - d + 2 * this.frames) % this.frames));
  }

  async pump() {
    if (this.pumping || !this.decoder || this.closed || this.cache.size >= this.frames) return;
    this.pumping = true;
    try {
      for (;;) {
        // A clip that does not fit is decoded only as far ahead as playing needs: a jump must not start a storm.
        const reach = this.capacity < this.frames ? Math.min(this.capacity, LOOKAHEAD) : this.frames;
        const wanted = this.window(reach).filter((k) => !this.cache.has(k));
        const urgent = wanted[0] === this.at && this.decoder.batch === BATCH; // somebody waits for this very frame
        const missing = wanted.slice(0, urgent ? 1 : this.decoder.batch);
        if (!missing.length || this.closed) break;
        await this.decoder.decode(missing.sort((a, b) => a - b), (k, bitmap) => this.keep(k, bitmap));
        const absent = missing.filter((k) => !this.cache.has(k));
        if (absent.length === missing.length) throw new Error("frame " + absent[0] + " is damaged");
        this.changed();
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.pumping = false;
      if (this.decoder) this.decoder.rest();
    }
  }

  keep(k, bitmap) {
    if (this.closed || this.cache.has(k)) return bitmap.close();
    this.cache.set(k, bitmap);
    if (this.cache.size <= this.capacity) return;
    const wanted = new Set(this.window(this.capacity));
    for (const [number, old] of this.cache) {
      if (this.cache.size <= this.capacity) break;
      if (wanted.has(number)) continue;
      old.close();
      this.cache.delete(number);
    }
  }

  fail(error) {
    if (this.closed) return;
    this.error = (error && error.message) || String(error);
    this.changed();
  }

  close() {
    this.closed = true;
    this.cache.forEach((bitmap) => bitmap.close());
    this.cache.clear();
    if (this.decoder) this.decoder.rest();
    if (this.object) URL.revokeObjectURL(this.object);
  }
}

/* All frames in one picture, row by row: what a preview sends, because one small JPEG decodes in a blink. */
class Strip {
  constructor(spec, changed) {
    Object.assign(this, { spec, frames: spec.frames, fps: spec.fps, width: spec.width, height: spec.height, error: "" });
    const image = new Image();
    const shown = async () => {
      image.src = localUrl(spec.strip);
      await image.decode();
      this.image = image;
    };
    shown().catch(() => (this.error = "the preview is no picture")).then(changed);
  }

  get bytes() {
    return 0;
  }

  has() {
    return Boolean(this.image);
  }

  draw(context, k, x, y, w, h) {
    const column = k % this.spec.columns;
    const row = Math.floor(k / this.spec.columns);
    context.drawImage(this.image, column * this.width, row * this.height, this.width, this.height, x, y, w, h);
  }

  focus() {}

  close() {}
}

/* The clips in use and the ones worth keeping: what is shown now, and other samples while they fit the budget. */
class ClipPool {
  constructor(changed) {
    this.changed = changed;
    this.clips = new Map(); // address -> clip, least recently wanted first
  }

  /* Return the clips for these specs (null stays null); everything else may go. */
  want(specs) {
    const wanted = specs.map((spec) => spec && this.get(spec));
    const active = new Set(wanted.filter(Boolean));
    const share = CACHE_BYTES / Math.max(1, active.size);
    active.forEach((clip) => (clip.share = share));
    let held = [...this.clips.values()].reduce((sum, clip) => sum + Math.min(clip.bytes, clip.share), 0);
    for (const [address, clip] of this.clips) {
      const idle = !active.has(clip);
      if (idle && (held > CACHE_BYTES || clip instanceof Strip || clip.error)) {
        held -= Math.min(clip.bytes, clip.share);
        clip.close();
        this.clips.delete(address);
      }
    }
    return wanted;
  }

  get(spec) {
    const address = clipKey(spec);
    const clip = this.clips.get(address) || new (spec.strip ? Strip : Clip)(spec, this.changed);
    this.clips.delete(address);
    this.clips.set(address, clip);
    return clip;
  }

  /* Open the other samples too, so that switching is instant, as long as they surely fit. */
  prefetch(specs) {
    let held = [...this.clips.values()].reduce((sum, clip) => sum + clip.bytes, 0);
    for (const spec of specs) {
      if (this.clips.has(clipKey(spec))) continue;
      held += spec.frames * spec.width * spec.height * 4;
      if (held > CACHE_BYTES / 2) return;
      this.get(spec);
    }
  }

  close() {
    this.clips.forEach((clip) => clip.close());
    this.clips.clear();
  }
}

/* The same file written anew is another clip. */
function clipKey(spec) {
  return spec.strip || spec.src + "#" + (spec.key || "");
}

/* Gradio may be mounted under a path; only this server's own addresses and inline pictures are ever fetched. */
function localUrl(address) {
  const text = String(address);
  if (/^data:image\/(png|jpeg|webp);base64,/.test(text)) return text;
  const root = (window.gradio_config && window.gradio_config.root) || "";
  const base = root ? new URL(root, location.href).pathname.replace(/\/$/, "") : "";
  const url = new URL(text.startsWith("/") && base && !text.startsWith(base + "/") ? base + text : text, document.baseURI);
  if (url.origin !== location.origin) throw new Error("its address is not on this server");
  return url.href;
}

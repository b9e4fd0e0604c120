/* Clips: the frames of one rollout, decoded once and kept within a budget.

   Contract: a clip has frames, fps, width, height, error (a sentence or ""), has(k), draw(context, k, x, y, w, h),
   focus(k) (decode around k first), and calls changed() whenever more frames are there or the clip failed. Nothing here
   knows the clock or the page. */

import { clipKey, localUrl } from "./addresses.js";
import { BATCH, CodecDecoder, SeekDecoder } from "./decoders.js";
import { neededAround } from "./timeline.js";

const CACHE_BYTES = 192 * 2 ** 20; // decoded frames in all clips together
const WHOLE_FILE_BYTES = 96 * 2 ** 20; // longer files are streamed by a <video> element instead of held
const LOOKAHEAD = 64; // frames kept ready where a clip is too long to be held whole

/* Where this page is, for the addresses of clips. */
function page() {
  return { href: location.href, base: document.baseURI, root: window.gradio_config?.root || "" };
}

export class Clip {
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
    const url = localUrl(this.spec.src, page());
    const answer = await fetch(url).catch(() => null);
    if (!answer) throw new Error("the server does not answer");
    if (!answer.ok) throw new Error(`the server says ${answer.status}`);
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

  async pump() {
    if (this.pumping || !this.decoder || this.closed || this.cache.size >= this.frames) return;
    this.pumping = true;
    try {
      for (;;) {
        // A clip that does not fit is decoded only as far ahead as playing needs: a jump must not start a storm.
        const reach = this.capacity < this.frames ? Math.min(this.capacity, LOOKAHEAD) : this.frames;
        const wanted = neededAround(this.at, this.frames, reach).filter((k) => !this.cache.has(k));
        const urgent = wanted[0] === this.at && this.decoder.batch === BATCH; // somebody waits for this very frame
        const missing = wanted.slice(0, urgent ? 1 : this.decoder.batch);
        if (!missing.length || this.closed) break;
        await this.decoder.decode(
          missing.sort((a, b) => a - b),
          (k, bitmap) => this.keep(k, bitmap),
        );
        const absent = missing.filter((k) => !this.cache.has(k));
        if (absent.length === missing.length) throw new Error(`frame ${absent[0]} is damaged`);
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
    const wanted = new Set(neededAround(this.at, this.frames, this.capacity));
    for (const [number, old] of this.cache) {
      if (this.cache.size <= this.capacity) break;
      if (wanted.has(number)) continue;
      old.close();
      this.cache.delete(number);
    }
  }

  fail(error) {
    if (this.closed) return;
    this.error = error?.message || String(error);
    this.changed();
  }

  close() {
    this.closed = true;
    for (const bitmap of this.cache.values()) bitmap.close();
    this.cache.clear();
    if (this.decoder) this.decoder.rest();
    if (this.object) URL.revokeObjectURL(this.object);
  }
}

/* All frames in one picture, row by row: what a preview sends, because one small JPEG decodes in a blink. */
export class Strip {
  constructor(spec, changed) {
    Object.assign(this, {
      spec,
      frames: spec.frames,
      fps: spec.fps,
      width: spec.width,
      height: spec.height,
      error: "",
    });
    const image = new Image();
    const shown = async () => {
      image.src = localUrl(spec.strip, page());
      await image.decode();
      this.image = image;
    };
    shown()
      .catch(() => (this.error = "the preview is no picture"))
      .then(changed);
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
export class ClipPool {
  constructor(changed) {
    this.changed = changed;
    this.clips = new Map(); // address -> clip, least recently wanted first
  }

  /* Return the clips for these specs (null stays null); everything else may go. */
  want(specs) {
    const wanted = specs.map((spec) => spec && this.get(spec));
    const active = new Set(wanted.filter(Boolean));
    const share = CACHE_BYTES / Math.max(1, active.size);
    for (const clip of active) clip.share = share;
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
    for (const clip of this.clips.values()) clip.close();
    this.clips.clear();
  }
}

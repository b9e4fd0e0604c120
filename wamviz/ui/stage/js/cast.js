/* Who has a pane, and what a message says of each.

   Contract: castOf(several) names the panes of this page; readValue(value, cast) takes any message, a torn one too, and
   answers with every part in its place. */

import { CHUNK, ORIGINS, VIEWS } from "./messages.js";
import { hasVideo } from "./timeline.js";

const MOST = 4;

/**
 * Side by side, each of several models has a pane, beside what was recorded.
 * @param {unknown} several how many models
 * @returns {{ several: number, origins: string[], main: string }}
 */
export function castOf(several) {
  const count = Math.max(0, Math.min(MOST, Number(several) || 0));
  const models = Array.from({ length: count }, (_, k) => `contender-${k + 1}`);
  const origins = count ? [...models, "recorded"] : [...ORIGINS];
  return { several: count, origins, main: origins[0] };
}

/** A pane without anything. */
export function emptyPane(origin) {
  return { samples: [], missing: "", verdict: "", weights: "", name: origin, live: false, absent: false };
}

/**
 * @param {Partial<import("./messages.js").StageValue> | null | undefined} value
 * @param {ReturnType<typeof castOf>} cast
 */
export function readValue(value, cast) {
  const given = value && typeof value === "object" ? value : {};
  const panes = {};
  for (const origin of cast.origins) {
    const pane = given.panes?.[origin] || {};
    panes[origin] = {
      samples: Array.isArray(pane.samples) ? pane.samples : [],
      missing: pane.missing || "",
      verdict: pane.verdict || "",
      weights: pane.weights || "",
      name: pane.name || origin,
      live: Boolean(pane.live),
      absent: cast.several > 0 && !pane.name,
    };
  }
  return {
    run: given.run || null,
    meta: { instruction: given.instruction || "", detail: given.detail || "", note: given.note || "" },
    preview: given.preview || null,
    chunk: Math.max(1, Number(given.chunk) || CHUNK),
    panes,
    frame: given.frame ?? null,
    view: VIEWS.includes(given.view) ? given.view : null,
    sample: given.sample ?? null,
    autoplay: Boolean(given.autoplay),
    ranking: Array.isArray(given.ranking) ? given.ranking : [],
  };
}

/** The sample of a pane that is shown; where it has fewer, its last one. */
export function sampleOf(pane, sample) {
  return pane.samples[Math.min(sample, pane.samples.length - 1)] || null;
}

/**
 * Which two clips are compared: what was asked, as far as it exists.
 * @param {Record<string, { samples: import("./messages.js").Clip[] }>} panes
 * @param {string[]} origins
 * @param {[string, string]} asked
 * @returns {[string, string]}
 */
export function pairOf(panes, origins, [first, second]) {
  const there = origins.filter((origin) => panes[origin].samples.some(hasVideo));
  if (there.length < 2) return [first, second];
  const one = there.includes(first) && first !== second ? first : there.find((origin) => origin !== second);
  const two = there.includes(second) ? second : there.find((origin) => origin !== one);
  return [one, two];
}

/**
 * All clips at once: every sample, the best first where they are ranked, then what they are held against.
 * @param {Record<string, { name: string, samples: import("./messages.js").Clip[] }>} panes
 * @param {string[]} origins the one with the samples first
 * @param {import("./messages.js").Ranked[]} ranking
 * @returns {{ origin: string, sample: number | null, spec: import("./messages.js").Clip, place: number, why: string }[]}
 *   sample is null for what is not one, place counts from 1 and is 0 where nothing is ranked
 */
export function gridOf(panes, [main, ...others], ranking) {
  const places = new Map(ranking.map(({ sample, why }, k) => [sample, { place: k + 1, why }]));
  const samples = panes[main].samples.map((spec, sample) => {
    return { origin: main, sample, spec, place: 0, why: "", ...places.get(sample) };
  });
  samples.sort((one, two) => (one.place || Number.POSITIVE_INFINITY) - (two.place || Number.POSITIVE_INFINITY) || 0);
  const beside = others.filter((origin) => hasVideo(panes[origin].samples[0]));
  return samples.concat(
    beside.map((origin) => ({ origin, sample: null, spec: panes[origin].samples[0], place: 0, why: "" })),
  );
}

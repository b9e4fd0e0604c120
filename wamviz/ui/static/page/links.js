/* Addresses of this page: which one reopens what is shown.

   Contract: pure functions of an address and of what is shown; each returns a URL or null where there is nothing to
   change. */

import { parametersOf, withParameters } from "../../stage/js/addresses.js";

const ABOUT_RUNS = ["run", "runs", "frame", "view", "sample", "offset", "context", "camera", "job"];

/**
 * The link that reopens this run at this frame and in this view.
 * @param {string} href
 * @param {{ run: string, runs: string, frame?: number, view?: string, sample?: number, delay?: number }} shown runs: of
 *   several, side by side
 */
export function shareLink(href, { run, runs, frame, view, sample, delay }) {
  const link = new URL(href);
  link.hash = "";
  for (const passing of ["__theme", "job"]) link.searchParams.delete(passing);
  if (runs) link.searchParams.set("runs", runs);
  else if (run) link.searchParams.set("run", run);
  if (frame === undefined) return link;
  return withParameters(link.href, parametersOf({ frame, view, sample, delay })) || link;
}

/**
 * The address after a run: reloading the page brings it back.
 * @param {string} href
 * @param {{ run: string, runs: string }} shown
 */
export function runAddress(href, { run, runs }) {
  const link = new URL(href);
  const [key, value] = runs ? ["runs", runs] : ["run", run];
  if (!value || link.searchParams.get(key) === value) return null;
  for (const other of ABOUT_RUNS) link.searchParams.delete(other);
  link.searchParams.set(key, value);
  return link;
}

/**
 * The address while something runs: reloading the page returns to it. Without a job, the address from before.
 * @param {string} href
 * @param {string} job
 */
export function jobAddress(href, job) {
  const link = new URL(href);
  if ((link.searchParams.get("job") || "") === job) return null;
  if (job) link.searchParams.set("job", job);
  else link.searchParams.delete("job");
  return link;
}

/**
 * The parameters that open a frame of an episode on the Imagine page.
 * @param {{ source: string, camera?: string }} episode
 * @param {number} frame
 */
export function frameParameters({ source, camera }, frame) {
  const asked = new URLSearchParams({ context: `${source}@${frame}` });
  if (camera) asked.set("camera", camera);
  return asked;
}

/**
 * The Datasets page's own address, on the same frame.
 * @param {string} href
 * @param {URLSearchParams} asked what frameParameters made
 */
export function episodeAddress(href, asked) {
  const here = new URL(href);
  here.searchParams.set("open", asked.get("context"));
  if (asked.has("camera")) here.searchParams.set("camera", asked.get("camera"));
  else here.searchParams.delete("camera");
  return here;
}

/* The page's address follows what is shown, and can be copied. */

import { episodeAddress, frameParameters, jobAddress, runAddress, shareLink } from "./links.js";

function player() {
  return document.querySelector("#wz-stage .wv-stage")?.wamvizPlayer;
}

function shown() {
  return {
    run: document.querySelector("[data-run]")?.dataset.run || "",
    runs: document.querySelector("[data-runs]")?.dataset.runs || "",
  };
}

function go(url) {
  if (url) history.replaceState(history.state, "", url);
}

export function link() {
  const { frame, view, sample, delay } = player() || {};
  return shareLink(location.href, { ...shown(), frame, view, sample, delay }).toString();
}

export function remember() {
  go(jobAddress(location.href, ""));
  go(runAddress(location.href, shown()));
}

/* While something runs, reloading the page returns to it. */
export function followJob(id) {
  if (id) go(jobAddress(location.href, id));
}

/* A page that opened with a job in its address watches it. */
export function attachJob(id) {
  if (id) document.getElementById("wz-attach")?.click();
  else go(jobAddress(location.href, ""));
}

/* The Datasets page's link to the Imagine page names the frame that is shown. */
function aim() {
  const target = document.querySelector("a[data-source]");
  const stage = player();
  if (!target || !stage) return null;
  const { source, camera, offset } = target.dataset;
  const asked = frameParameters({ source, camera }, stage.frame + Number(offset || 0));
  target.setAttribute("href", `./?${asked}`);
  return asked;
}

/* After an episode was chosen: reloading the page, or coming back to it, brings it back. */
export function place() {
  const asked = aim();
  if (asked) go(episodeAddress(location.href, asked));
}

/* Before the link is followed, whichever way: also its menu ("open in a new tab") reads the address. */
export function hearLink() {
  const onLink = (act) => (event) => {
    if (event.target.closest?.("a[data-source]")) act();
  };
  for (const kind of ["pointerdown", "pointerover", "focusin", "keydown"]) {
    document.addEventListener(kind, onLink(aim), true);
  }
  document.addEventListener("click", onLink(place), true);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    /* no permission or no secure context: the old way */
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "wz-sr";
  document.body.appendChild(field);
  field.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    copied = false;
  }
  field.remove();
  return copied;
}

/* Copies the link and says so in the status; where copying is not allowed, the link itself is shown. */
export async function share() {
  const address = link();
  const words = (await copy(address))
    ? [["strong", {}, "Link copied."], " It reopens this run at this frame, in this view."]
    : [["strong", {}, "Copy this link:"], " ", ["a", { href: address }, address]];
  const nodes = [["div", { class: "wz-status wz-good" }, ["p", { class: "wz-words" }, ...words]]];
  return [nodes]; // Gradio reads a list as the list of outputs, also when there is only one
}

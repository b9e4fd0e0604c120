/* Presenter mode: the stage fills the screen, and a playlist of runs goes by.

   Contract: playlistOf() and following() are pure. hearPresenting() hears the stage's keys, the address and the button;
   wanted() names the run that is to be opened. In a playlist each run plays twice before the next one comes. */

const PLAYS = 2;
let playlist = [];
let at = 0;
let loops = 0;

/**
 * @param {URLSearchParams} asked of the page's address
 * @param {string} shown the run on the stage
 * @param {string[]} examples the runs that the page offers
 * @returns {string[]} run ids, the one that is shown among them
 */
export function playlistOf(asked, shown, examples) {
  const named = (asked.get("playlist") || "").split(",").filter((id) => /^[0-9a-f]{16}$/.test(id));
  if (named.length) return named;
  return !shown || examples.includes(shown) ? examples : [shown, ...examples];
}

/** The place in a list of this length, step further, round and round. */
export function following(place, step, length) {
  return length ? (((place + step) % length) + length) % length : 0;
}

function stage() {
  return document.querySelector("#wz-stage .wv-stage");
}

function isOn() {
  return Boolean(stage()?.hasAttribute("data-presenting"));
}

function address(on) {
  const here = new URL(location.href);
  if (on) here.searchParams.set("present", "1");
  else for (const name of ["present", "playlist"]) here.searchParams.delete(name);
  history.replaceState(history.state, "", here);
}

export function wanted() {
  return playlist[at] || "";
}

function open(step) {
  if (playlist.length < 2 && wanted() === document.querySelector("[data-run]")?.dataset.run) return;
  at = following(at, step, playlist.length);
  loops = 0;
  document.getElementById("wz-open-run")?.click();
}

export function present(on = !isOn()) {
  const root = stage();
  if (!root) return;
  root.toggleAttribute("data-presenting", on);
  document.body.classList.toggle("wz-presenting", on);
  if (on) {
    const examples = Array.from(document.querySelectorAll(".wz-example"), (choice) => choice.dataset.pick);
    const shown = document.querySelector("[data-run]")?.dataset.run || "";
    playlist = playlistOf(new URLSearchParams(location.search), shown, examples);
    at = Math.max(0, playlist.indexOf(shown));
    loops = 0;
    root.focus({ preventScroll: true });
    if (playlist.length && !playlist.includes(shown)) open(0);
    else root.wamvizPlayer?.play();
  }
  address(on);
  root.wamvizPlayer?.ui.layout();
}

export function hearPresenting() {
  document.addEventListener("wamviz-present", () => present());
  document.addEventListener("wamviz-run", (event) => isOn() && open(event.detail));
  document.addEventListener("wamviz-loop", () => {
    loops += 1;
    if (isOn() && new URLSearchParams(location.search).has("playlist") && loops >= PLAYS) open(1);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOn() && !document.querySelector("dialog[open]")) present(false);
  });
}

/* A page that was opened to present begins once the stage can be played. */
export async function startPresenting(settled) {
  if (!new URLSearchParams(location.search).has("present")) return;
  await settled();
  present(true);
}

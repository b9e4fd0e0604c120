/* The page's own script: colour scheme before the first paint, names for checks from outside, focus, sharing.

   Contract: start() runs once, in the head. window.wamviz is what Python's events call in the browser. */

import { hearFocus, hearSettings, keepFocus, showForm, showRefusal, showStage } from "./page/attention.js";
import { hearKeys } from "./page/keys.js";
import { watchLive } from "./page/live.js";
import { hearTogether, watchTogether } from "./page/lockstep.js";
import { mark, name } from "./page/marks.js";
import { begin, question, take } from "./page/offers.js";
import { hearPresenting, present, startPresenting, wanted } from "./page/present.js";
import { anotherPupil, hearTerms, openHash, pupil } from "./page/pupil.js";
import { hearRating, said } from "./page/rating.js";
import { waitReady } from "./page/ready.js";
import { hearSystem, paint, startScheme, wantedScheme } from "./page/scheme.js";
import { attachJob, followJob, hearLink, link, place, remember, share } from "./page/sharing.js";
import { placed, sift } from "./page/sift.js";

const WATCHED = ["disabled", "class", "data-scene", "data-episode", "data-run"];

export function start() {
  startScheme();
  waitReady();
  window.wamviz = {
    scheme: wantedScheme,
    settled,
    link,
    place,
    remember,
    share,
    sift,
    placed,
    follow,
    begin,
    take,
    question,
    job: followJob,
    attach: attachJob,
    present,
    wanted,
    form: showForm,
    show: showStage,
    said,
    pupil,
    anotherPupil,
    openHash,
  };
  hearSettings(mark);
  hearFocus();
  hearLink();
  hearKeys();
  hearPresenting();
  hearRating();
  hearTogether();
  hearTerms();
  if (document.body) observe();
  else document.addEventListener("DOMContentLoaded", observe);
}

/* Many changes, one look. */
let scheduled = false;

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    paint();
    name();
    mark();
    keepFocus();
    showRefusal();
    watchLive();
    watchTogether();
  });
}

function observe() {
  paint();
  const observed = { childList: true, subtree: true, attributes: true, attributeFilter: WATCHED };
  new MutationObserver(schedule).observe(document.body, observed);
  hearSystem(schedule);
  startPresenting(settled);
  schedule();
}

/* Resolves when the stage can be played (or has nothing to play), at the latest after four seconds. */
async function settled() {
  const ready = () =>
    ["ready", "empty", "error"].includes(document.querySelector("[data-testid=stage]")?.dataset.state);
  for (const end = performance.now() + 4000; performance.now() < end && !ready(); ) {
    await new Promise((go) => setTimeout(go, 60));
  }
}

/* After a connection's own buttons: its form comes into view, or the looking begins. */
function follow() {
  const picked = document.querySelector("#wz-links .wz-markup")?.dataset.picked || "";
  if (/^(test|fetch) /.test(picked)) document.getElementById("wz-look")?.click();
  if (picked.startsWith("edit ")) showForm();
}

/* The learners' panel on the page of lessons: who they are, how many have predicted, and what was revealed.

   Contract: start({ element }) runs once a mounted component. When the teacher reveals a lesson, or hides it again, the
   page is told to look again (#wz-look-again). */

import { patch } from "../../static/markup/nodes.js";
import { askClass, every, placeOf } from "./asking.js";

const POLL_S = 3;

export function start({ element }) {
  const panel = element.querySelector(".wc-panel");
  const [nodes, form] = [panel.querySelector(".wc-panel-nodes"), panel.querySelector("form")];
  const code = new URLSearchParams(location.search).get("class");
  let revealed = null;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const here = new URL(location.href);
    here.searchParams.set("class", form.elements.namedItem("class").value);
    location.assign(here);
  });

  async function look() {
    if (!element.isConnected) return false;
    try {
      show(await askClass("learner/look", { pupil: window.wamviz.pupil(), code, ...placeOf(location.search) }));
    } catch {
      /* the server is away; what is shown stays */
    }
    return true;
  }

  function show(told) {
    panel.hidden = false;
    form.hidden = told.joined;
    form.querySelector("span").textContent = told.words.code;
    form.querySelector("button").textContent = told.words.enter;
    const problem = form.querySelector("p");
    const text = code && !told.joined ? told.words.wrong_code : "";
    if (problem.textContent !== text) problem.textContent = text;
    patch(nodes, told.nodes || []);
    if (revealed !== null && told.revealed !== revealed) document.getElementById("wz-look-again")?.click();
    revealed = told.revealed ?? null;
  }

  every(POLL_S, look);
}

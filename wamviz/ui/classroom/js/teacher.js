/* The teacher's page: shows what the server says of the class, and sends what is pressed.

   Contract: start() runs once. The key comes after the # of the link, which browsers never send by themselves; it stays in
   this tab and leaves the address at once, before anybody can read it off a projector. Text is only ever text. */

import { hearArrows, rove } from "../../static/markup/choices.js";
import { patch } from "../../static/markup/nodes.js";
import { hearSystem, paint, startScheme } from "../../static/page/scheme.js";
import { askClass, every, placeOf } from "./asking.js";

const KEY = "wamviz-class-key";
const POLL_S = 2;

/** The key in a link's fragment, or "" where there is none. */
export function keyOf(hash) {
  return /^#[\w-]{16,64}$/.test(hash) ? hash.slice(1) : "";
}

function takeKey() {
  const found = keyOf(location.hash);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  try {
    if (found) sessionStorage.setItem(KEY, found);
    return found || sessionStorage.getItem(KEY) || "";
  } catch {
    return found; // a browser that keeps nothing
  }
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function start() {
  const board = document.getElementById("class");
  const problem = document.querySelector(".wc-problem");
  const state = { key: takeKey(), present: false, ...placeOf(location.search) };
  let asked = 0;

  async function tell(verb, more = {}) {
    asked += 1;
    const mine = asked;
    try {
      const told = await askClass(`teacher/${verb}`, { ...state, ...more });
      problem.textContent = "";
      if (told.csv) save(told.name, told.csv);
      if (told.nodes && mine === asked) show(told); // an answer that was overtaken is old
    } catch (error) {
      problem.textContent = error.message;
      return error.status !== 403;
    }
    return true;
  }

  function show(told) {
    document.title = told.title;
    document.documentElement.lang = told.language;
    state.lesson = told.lesson;
    patch(board, told.nodes);
    rove(board);
  }

  function present(on) {
    state.present = on;
    document.body.classList.toggle("wc-presenting", on);
    tell("look");
  }

  board.addEventListener("click", (event) => {
    const [what, rest] = (event.target.closest("[data-pick]")?.dataset.pick || "").split(":");
    if (what === "lesson") tell("look", { lesson: rest });
    if (what === "reveal") tell("reveal", { shown: rest === "1" });
    if (what === "export") tell("export");
    if (what === "present") present(rest === "1");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.present) present(false);
  });
  startScheme();
  paint();
  hearSystem(paint);
  hearArrows(board);
  every(POLL_S, () => tell("look"));
}

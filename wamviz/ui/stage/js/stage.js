/* The stage's own start: wires the controls of stage.html to a Player, and the component's value to both.

   Contract: start({ element, props, watch }) runs once for each mounted component. Keys work only while the stage has
   the focus, and never take a key from the control that is focused. window.__wamvizStage shows the newest player's
   measurements. */

import { unpack } from "../../static/wire.js";
import { castOf } from "./cast.js";
import { made } from "./dom.js";
import { commandOf, focusedOn } from "./keyboard.js";
import { savePicture } from "./picture.js";
import { Player, SPEEDS } from "./player.js";
import { Surface } from "./surface.js";

/**
 * @param {object} mounted what Gradio hands to a component's script
 * @param {Element} mounted.element the component
 * @param {{ value: object, plots?: string[], alone?: boolean, several?: number }} mounted.props
 *   its value is a packed StageValue, see messages.js
 * @param {(name: string, act: () => void) => void} mounted.watch
 */
export function start({ element, props, watch }) {
  const root = element.querySelector(".wv-stage");
  const cast = castOf(props.several);
  const life = new AbortController();
  const { signal } = life;
  if (cast.several) castPanes(root, cast);
  const alone = Boolean(props.alone);
  if (alone) {
    root.dataset.alone = "";
    root.setAttribute("aria-label", "Stage: the recorded episode");
  }
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const surface = new Surface(root, { plots: Array.isArray(props.plots) ? props.plots : [], signal, alone });
  const player = new Player(root, surface, { cast, calm });
  surface.follow(player);
  root.wamvizPlayer = player;
  window.__wamvizStage = player.metrics;
  const acts = actsOf(root, player, surface, alone);
  hearControls(root, player, surface, acts, signal);
  hearKeys(root, surface, acts, signal);
  hearPanes(root, player, surface, acts, signal);
  document.addEventListener("fullscreenchange", () => surface.controls(), { signal });
  if (!document.fullscreenEnabled) root.querySelector('[data-act="fullscreen"]').hidden = true;

  /* Gradio drops a component without telling it: look now and then whether the stage is still on the page. */
  const watcher = setInterval(() => {
    if (root.isConnected) return;
    clearInterval(watcher);
    player.close();
    life.abort();
  }, 5000);

  const renew = () => player.take(unpack(props.value));
  watch("value", renew);
  renew();
}

/* Side by side: a pane for each model, made from the one for what is imagined. */
function castPanes(root, cast) {
  const [model, executed] = ["imagined", "executed"].map((name) => root.querySelector(`[data-pane="${name}"]`));
  for (const origin of cast.origins.slice(0, cast.several).reverse()) {
    const pane = model.cloneNode(true);
    pane.dataset.pane = origin;
    pane.dataset.testid = `pane-${origin}`;
    pane.querySelector(".wv-samples").remove();
    pane.querySelector("figcaption").append(made("span", { className: "wv-verdict" }));
    model.after(pane);
  }
  const first = root.querySelector(`[data-pane="${cast.main}"] figcaption`);
  first.append(made("span", { className: "wv-samples", hidden: true }));
  model.remove();
  executed.remove();
  root.dataset.several = "";
  root.setAttribute("aria-label", "Stage: several models side by side");
}

/* Everything that a button or a key can ask for, by name. */
function actsOf(root, player, surface, alone) {
  const help = root.querySelector(".wv-help");

  function toggle(name, words) {
    player[name] = !player[name];
    surface.layout();
    player.show();
    surface.say(words[Number(player[name])]);
  }

  function toggleView(name) {
    if (alone) return;
    player.setView(player.view === name ? "side-by-side" : name);
    surface.say(`${player.view.replaceAll("-", " ")} view`);
  }

  /* All panes, then each alone. */
  function maximise() {
    if (alone) return;
    const there = [null, ...player.origins.filter((origin) => player.playable(origin))];
    const next = there[(there.indexOf(player.solo) + 1) % there.length];
    player.setSolo(next);
    surface.say(next ? `${player.panes[next].name} alone` : "All panes");
  }

  async function toggleFullscreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await root.requestFullscreen();
    } catch {
      surface.say("Full screen is not allowed here.");
    }
  }

  function nudge(direction) {
    const step = player.view === "difference" ? 0.5 : 0.05;
    if (player.compared) player.setAmount(player.amounts[player.view] + direction * step);
  }

  function changeSpeed(direction) {
    const next = SPEEDS.indexOf(player.speed) + direction;
    player.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, next))]);
  }

  function toggleLoop() {
    player.loop = !player.loop;
    surface.controls();
    surface.say(player.loop ? "Loop on" : "Loop off");
  }

  return {
    play: () => (player.playing ? player.pause() : player.play()),
    back: () => player.step(-1),
    forward: () => player.step(1),
    step: (frames) => player.step(frames),
    chunk: (direction) => player.step(direction * player.chunk),
    first: () => player.seek(0),
    last: () => player.seek(player.frames - 1),
    loop: toggleLoop,
    "mark-a": () => player.mark("a"),
    "mark-b": () => player.mark("b"),
    speed: changeSpeed,
    sample: (k) => player.setSample(k),
    view: toggleView,
    nudge,
    recorded: () =>
      !alone && player.panes.recorded.samples.length && toggle("hidden", ["Recording shown", "Recording hidden"]),
    paths: () => toggle("showPaths", ["Paths hidden", "Paths shown"]),
    pixels: () => toggle("pixels", ["Smooth", "Single pixels"]),
    save: () => player.frames && savePicture(player, surface),
    fullscreen: toggleFullscreen,
    maximise,
    cell: (k) => {
      player.setSample(k);
      player.setView("side-by-side");
    },
    delay: () => {
      player.showDelay = !(player.showDelay || player.delay);
      if (!player.showDelay) player.setDelay(0);
      surface.layout();
    },
    "delay-none": () => player.setDelay(0),
    solo: (origin) => player.setSolo(player.solo === origin ? null : origin),
    present: () => root.dispatchEvent(new CustomEvent("wamviz-present", { bubbles: true })),
    run: (step) => root.dispatchEvent(new CustomEvent("wamviz-run", { bubbles: true, detail: step })),
    help: () => help.showModal(),
    "help-close": () => help.close(),
  };
}

function hearControls(root, player, surface, acts, signal) {
  const { scrub } = surface.buttons;
  const help = root.querySelector(".wv-help");

  root.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest("button");
      if (!button || button.disabled) return;
      if (button.dataset.act) acts[button.dataset.act]();
      if (button.dataset.view) player.setView(button.dataset.view);
      if (button.dataset.sample) player.setSample(Number(button.dataset.sample));
      if (button.dataset.cell) acts.cell(Number(button.dataset.cell));
    },
    { signal },
  );

  // After a click the keys belong to the stage, so that Space plays whatever was clicked last; whoever came by Tab stays
  // on the button, whose own key Space is.
  root.addEventListener(
    "click",
    (event) => {
      const pressed = event.detail > 0 && event.target.closest("button");
      if (pressed && !help.open && !pressed.closest("dialog")) root.focus({ preventScroll: true });
    },
    { signal },
  );

  root.addEventListener(
    "change",
    (event) => {
      const select = event.target;
      if (select.matches(".wv-speed")) player.setSpeed(Number(select.value));
      if (select.matches(".wv-samples select")) player.setSample(Number(select.value));
      if (select.dataset.pick) {
        const pair = [player.first, player.second];
        const side = select.dataset.pick === "a" ? 0 : 1;
        if (pair[1 - side] === select.value) pair[1 - side] = pair[side]; // choosing the other one swaps them
        pair[side] = select.value;
        player.setPair(...pair);
      }
    },
    { signal },
  );

  root.addEventListener(
    "input",
    (event) => {
      if (event.target === scrub) player.seek(Number(scrub.value), event.timeStamp);
      const unit = player.view === "difference" ? 1 : 100;
      if (event.target.matches(".wv-delay input")) player.setDelay(Number(event.target.value));
      if (event.target.matches(".wv-amount input")) player.setAmount(Number(event.target.value) / unit);
    },
    { signal },
  );
}

function hearKeys(root, surface, acts, signal) {
  const help = root.querySelector(".wv-help");
  root.addEventListener(
    "keydown",
    (event) => {
      if (help.open) return;
      const found = commandOf({
        key: event.key,
        shift: event.shiftKey,
        command: (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph"), // [ needs AltGr on some
        composing: event.isComposing,
        on: focusedOn(event.target, surface.buttons.scrub),
      });
      if (!found) return;
      event.preventDefault();
      const [act, argument] = found;
      acts[act](argument);
    },
    { signal },
  );
}

/* Dragging: the wipe's line follows the pointer; on any other picture a click plays or pauses. */
function hearPanes(root, player, surface, acts, signal) {
  const comparison = surface.parts.compare.screen;
  let dragging = false;
  const drag = (event) => {
    const { left } = comparison.getBoundingClientRect();
    if (surface.box) player.setAmount((event.clientX - left - surface.box.left) / surface.box.width);
  };
  const listen = (name, handler) => comparison.addEventListener(name, handler, { signal });
  listen("pointerdown", (event) => {
    if (player.view !== "wipe" || event.button !== 0) return;
    dragging = true;
    comparison.setPointerCapture(event.pointerId);
    drag(event);
  });
  listen("pointermove", (event) => dragging && drag(event));
  for (const name of ["pointerup", "pointercancel"]) {
    listen(name, () => {
      dragging = false;
    });
  }
  root.querySelector(".wv-panes").addEventListener(
    "click",
    (event) => {
      const screen = event.target.closest(".wv-screen");
      if (screen && !(screen === comparison && player.view === "wipe")) acts.play();
    },
    { signal },
  );
  root.querySelector(".wv-panes").addEventListener(
    "dblclick",
    (event) => {
      const origin = event.target.closest(".wv-screen")?.closest(".wv-pane").dataset.pane;
      if (origin && origin !== "compare") acts.solo(origin); // its two clicks have paused and played
    },
    { signal },
  );
}

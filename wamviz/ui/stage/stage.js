/* The stage's own start: wires the controls of stage.html to a Player, and the component's value to both.

   Contract: runs once for each mounted component as the body of a function of (element, trigger, props, server,
   upload, watch), after the other files of this folder. Keys work only while the stage has the focus, and never take
   a key from the control that is focused. window.__wamvizStage shows the newest player's measurements. */

const root = element.querySelector(".wv-stage");
const life = new AbortController();
const listen = (target, name, handler, options) => target.addEventListener(name, handler, { signal: life.signal, ...options });
if (SEVERAL) {
  // Side by side: a pane for each model, made from the one for what is imagined.
  const [model, executed] = ["imagined", "executed"].map((name) => root.querySelector('[data-pane="' + name + '"]'));
  ORIGINS.slice(0, SEVERAL).reverse().forEach((origin) => {
    const pane = model.cloneNode(true);
    pane.dataset.pane = origin;
    pane.dataset.testid = "pane-" + origin;
    pane.querySelector(".wv-samples").remove();
    pane.querySelector("figcaption").append(Object.assign(document.createElement("span"), { className: "wv-verdict" }));
    model.after(pane);
  });
  root.querySelector('[data-pane="contender-1"] figcaption').append(Object.assign(document.createElement("span"), { className: "wv-samples", hidden: true }));
  model.remove();
  executed.remove();
  root.dataset.several = "";
  root.setAttribute("aria-label", "Stage: several models side by side");
}
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const surface = new Surface(root, { plots: Array.isArray(props.plots) ? props.plots : [], signal: life.signal });
const player = new Player(root, surface, { calm });
surface.player = player;
root.wamvizPlayer = player;
if (props.alone) {
  root.dataset.alone = "";
  root.setAttribute("aria-label", "Stage: the recorded episode");
}
window.__wamvizStage = player.metrics;

const help = root.querySelector(".wv-help");

function toggleView(name) {
  if (props.alone) return;
  player.setView(player.view === name ? "side-by-side" : name);
  surface.say(player.view.replaceAll("-", " ") + " view");
}

function nudge(direction) {
  if (player.compared) player.setAmount(player.amounts[player.view] + direction * (player.view === "difference" ? 0.5 : 0.05));
}

function toggle(name, words) {
  player[name] = !player[name];
  surface.layout();
  player.show();
  surface.say(words[Number(player[name])]);
}

async function toggleFullscreen() {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await root.requestFullscreen();
  } catch (error) {
    surface.say("Full screen is not allowed here.");
  }
}

const acts = {
  play: () => (player.playing ? player.pause() : player.play()),
  back: () => player.step(-1),
  forward: () => player.step(1),
  loop: () => {
    player.loop = !player.loop;
    surface.controls();
    surface.say(player.loop ? "Loop on" : "Loop off");
  },
  "mark-a": () => player.mark("a"),
  "mark-b": () => player.mark("b"),
  recorded: () => toggle("hidden", ["Recording shown", "Recording hidden"]),
  paths: () => toggle("showPaths", ["Paths hidden", "Paths shown"]),
  pixels: () => toggle("pixels", ["Smooth", "Single pixels"]),
  save: () => savePicture(player, surface),
  fullscreen: toggleFullscreen,
  help: () => help.showModal(),
  "help-close": () => help.close(),
};

listen(root, "click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.disabled) return;
  if (button.dataset.act) acts[button.dataset.act]();
  if (button.dataset.view) player.setView(button.dataset.view);
  if (button.dataset.sample) player.setSample(Number(button.dataset.sample));
});

listen(root, "change", (event) => {
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
});

listen(root, "input", (event) => {
  if (event.target === surface.scrub) player.seek(Number(surface.scrub.value), event.timeStamp);
  if (event.target.matches(".wv-amount input")) player.setAmount(Number(event.target.value) / (player.view === "difference" ? 1 : 100));
});

const keys = {
  " ": acts.play,
  Home: () => player.seek(0),
  End: () => player.seek(player.frames - 1),
  "[": acts["mark-a"],
  "]": acts["mark-b"],
  ",": () => player.setSpeed(SPEEDS[Math.max(0, SPEEDS.indexOf(player.speed) - 1)]),
  ".": () => player.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(player.speed) + 1)]),
  g: () => !props.alone && player.panes.recorded.samples.length && acts.recorded(),
  o: () => toggleView("onion-skin"),
  d: () => toggleView("difference"),
  w: () => toggleView("wipe"),
  p: acts.paths,
  x: acts.pixels,
  l: acts.loop,
  s: () => player.frames && acts.save(),
  f: acts.fullscreen,
  "?": acts.help,
  ArrowUp: () => nudge(1),
  ArrowDown: () => nudge(-1),
};

// After a click the keys belong to the stage, so that Space plays whatever was clicked last; whoever came by Tab stays
// on the button, whose own key Space is.
listen(root, "click", (event) => {
  const pressed = event.detail > 0 && event.target.closest("button");
  if (pressed && !help.open && !pressed.closest("dialog")) root.focus({ preventScroll: true });
});

listen(root, "keydown", (event) => {
  const target = event.target;
  const command = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph"); // [ needs AltGr on some
  if (command || event.isComposing || help.open || target.matches("select, [type=text], textarea")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const slider = target.matches("[type=range]");
  if (key === " " && target.matches("button")) return; // the button's own key
  if (slider && (target !== surface.scrub || !event.shiftKey) && /^(Arrow|Home|End|Page)/.test(key)) return; // the slider's own keys
  let act = keys[key];
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const direction = key === "ArrowLeft" ? -1 : 1;
    act = () => player.step(direction * (event.shiftKey ? player.chunk : 1));
  }
  if (/^[1-9]$/.test(key)) act = () => player.setSample(Number(key) - 1);
  if (!act) return;
  event.preventDefault();
  act();
});

/* Dragging: the wipe's line follows the pointer; on any other picture a click plays or pauses. */
const comparison = surface.parts.compare.screen;
let dragging = false;
const drag = (event) => {
  const { left } = comparison.getBoundingClientRect();
  if (surface.box) player.setAmount((event.clientX - left - surface.box.left) / surface.box.width);
};
listen(comparison, "pointerdown", (event) => {
  if (player.view !== "wipe" || event.button !== 0) return;
  dragging = true;
  comparison.setPointerCapture(event.pointerId);
  drag(event);
});
listen(comparison, "pointermove", (event) => dragging && drag(event));
["pointerup", "pointercancel"].forEach((name) => listen(comparison, name, () => (dragging = false)));
listen(root.querySelector(".wv-panes"), "click", (event) => {
  const screen = event.target.closest(".wv-screen");
  if (screen && !(screen === comparison && player.view === "wipe")) acts.play();
});
listen(document, "fullscreenchange", () => surface.controls());
if (!document.fullscreenEnabled) root.querySelector('[data-act="fullscreen"]').hidden = true;

/* Gradio drops a component without telling it: look now and then whether the stage is still on the page. */
const watcher = setInterval(() => {
  if (root.isConnected) return;
  clearInterval(watcher);
  player.close();
  life.abort();
}, 5000);

const renew = () => player.take(props.value);
watch("value", renew);
renew();

/* The panel that looks inside the model: asks for the run that is shown, and draws what came back.

   Contract: start({ element, props }) runs once for each mounted component. Nothing is asked before somebody presses the
   button, and every number that is shown was sent. */

import { post } from "../../../static/page/post.js";
import { meanOf, unpackShares } from "./shares.js";

const SVG = "http://www.w3.org/2000/svg";
const JPEG = "data:image/jpeg;base64,";

export function start({ element }) {
  new Panel(element.querySelector(".wi-inside")).begin();
}

function shape(tag, attributes, words = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = words;
  return node;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
const plain = (name) => name.replaceAll("_", " ");

class Panel {
  constructor(root) {
    this.root = root;
    this.told = null;
    this.at = 0;
  }

  part(selector) {
    return this.root.querySelector(selector);
  }

  begin() {
    this.part(".wi-go").addEventListener("click", () => this.look(0, 0));
    this.part(".wi-sample").addEventListener("change", () => this.again());
    this.part(".wi-chunk").addEventListener("change", () => this.again());
    this.part(".wi-step").addEventListener("input", (event) => this.go(Number(event.target.value)));
    for (const name of [".wi-show", ".wi-action", ".wi-layer", ".wi-head"])
      this.part(name).addEventListener("change", () => this.draw());
  }

  again() {
    this.look(Number(this.part(".wi-sample").value), Number(this.part(".wi-chunk").value), this.run);
  }

  async look(sample, chunk, same = null) {
    const run = same ?? document.querySelector("[data-run]")?.dataset.run;
    if (!run) {
      this.say("There is no run yet: imagine one first.", "bad");
      return;
    }
    this.run = run;
    this.part(".wi-go").disabled = true;
    this.root.dataset.state = "busy";
    this.say("Denoising once more, and listening …");
    const asked = performance.now();
    try {
      const told = await post("inside/look", { run, sample, chunk });
      this.take(told, sample, chunk);
      const took = ((performance.now() - asked) / 1000).toFixed(1);
      this.say(`Run ${run}, in ${took} s. ${sameness(told.apart)}`);
      this.root.dataset.state = "ready";
    } catch (error) {
      this.part(".wi-body").hidden = true;
      this.say(error.message, "bad");
      this.root.dataset.state = "idle";
    } finally {
      this.part(".wi-go").disabled = false;
    }
  }

  say(words, kind = "") {
    const line = this.part(".wi-told");
    line.dataset.kind = kind;
    line.textContent = words;
  }

  options(selector, pairs, chosen) {
    const select = this.part(selector);
    const kept = chosen ?? select.value;
    select.replaceChildren(...pairs.map(([value, label]) => new Option(label, value)));
    if (pairs.some(([value]) => String(value) === String(kept))) select.value = String(kept);
  }

  take(told, sample, chunk) {
    this.told = told;
    this.shares = unpackShares(told);
    const [, layers, heads, actions] = told.shape;
    const numbered = (count, from = 0) => Array.from({ length: count }, (_, k) => [k + from, String(k + 1)]);
    this.options(".wi-action", numbered(actions));
    this.options(".wi-layer", [[-1, "mean of all"], ...numbered(layers)]);
    this.options(".wi-head", [[-1, "mean of all"], ...numbered(heads)]);
    this.options(".wi-sample", numbered(told.samples), sample);
    this.options(".wi-chunk", numbered(told.chunks), chunk);
    this.part(".wi-samples").hidden = told.samples < 2;
    this.part(".wi-chunks").hidden = told.chunks < 2;
    this.part(".wi-body").hidden = false;
    this.part(".wi-step").max = String(told.steps.length - 1);
    this.strip();
    this.grounding();
    this.go(Math.min(this.at, told.steps.length - 1));
  }

  go(step) {
    this.at = step;
    this.part(".wi-step").value = String(step);
    this.draw();
  }

  strip() {
    const buttons = this.told.steps.map((step, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `Step ${k + 1}${step.picture ? "" : ": nothing is foreseen yet"}`);
      if (step.picture) {
        const picture = document.createElement("img");
        Object.assign(picture, { src: JPEG + step.picture, alt: "" });
        button.append(picture);
      } else button.textContent = `${k + 1}: ${step.moves}s`;
      button.addEventListener("click", () => this.go(k));
      return button;
    });
    this.part(".wi-strip").replaceChildren(...buttons);
  }

  grounding() {
    const things = this.told.tokens.filter((token) => token.kind === "thing");
    const words = this.told.grounding.map((shares) => {
      const order = shares.map((share, k) => [share, k]).sort((a, b) => b[0] - a[0]);
      return order
        .filter(([share], place) => share > 0.02 || place === 0)
        .slice(0, 3)
        .map(([share, k]) => `${plain(things[k].name)} ${percent(share)}`)
        .join(", ");
    });
    this.part(".wi-grounding").textContent =
      `What the words were found to mean: to be touched next ${words[0]}; where to go then ${words[1]}.`;
  }

  draw() {
    const { told, at } = this;
    if (!told) return;
    const step = told.steps[at];
    const strip = this.part(".wi-strip");
    for (const [k, button] of [...strip.children].entries()) button.setAttribute("aria-pressed", String(k === at));
    strip.scrollLeft = strip.children[at].offsetLeft - strip.clientWidth / 2 - strip.offsetLeft;
    const level = (value) => value.toFixed(2);
    const [index, which] = step.moves === "action" ? [1, "Actions are"] : [0, "Motion is"];
    const noise = `from noise ${level(step.levels[index])} to ${level(step.after[index])}`;
    this.part(".wi-words-of-step").textContent = `Step ${at + 1} of ${told.steps.length}: ${which} denoised, ${noise}.`;
    this.square();
    const [action, layer, head] = [".wi-action", ".wi-layer", ".wi-head"].map((name) => Number(this.part(name).value));
    const shares = meanOf(this.shares, told.shape, { step: at, layer, head, action });
    this.frame(step, shares);
    this.words(shares);
    this.bars(shares, action);
  }

  square() {
    const { told, at } = this;
    const spots = [...told.steps.map((step) => step.levels), told.steps.at(-1).after];
    const place = ([motion, actions]) => [100 * motion, 100 - 100 * actions];
    const nodes = [shape("rect", { x: 0, y: 0, width: 100, height: 100 })];
    nodes.push(shape("polyline", { points: spots.map((spot) => place(spot).join(",")).join(" ") }));
    for (const spot of spots) {
      const [cx, cy] = place(spot);
      nodes.push(shape("circle", { cx, cy, r: 2 }));
    }
    const [cx, cy] = place(spots[at + 1]);
    nodes.push(shape("circle", { cx, cy, r: 5, class: "wi-at" }));
    nodes.push(shape("text", { x: 0, y: 111 }, "0"), shape("text", { x: 94, y: 111 }, "1"));
    nodes.push(shape("text", { x: -10, y: 102 }, "0"), shape("text", { x: -10, y: 7 }, "1"));
    const svg = this.part(".wi-square");
    svg.replaceChildren(...nodes);
    const [motion, actions] = spots[at + 1].map((value) => value.toFixed(2));
    svg.setAttribute("aria-label", `After this step: noise of motion ${motion}, of actions ${actions}`);
  }

  frame(step, shares) {
    const { told } = this;
    this.part(".wi-frame img").src = JPEG + told.picture;
    const spot = ([u, v]) => `${(1000 * u).toFixed(0)},${(1000 * v).toFixed(0)}`;
    const line = (places, kind) =>
      shape("polyline", { points: [told.hand, ...places].map(spot).join(" "), class: kind });
    const nodes = [line(step.before, "wi-path-before"), line(step.predicted, "wi-path-after")];
    const show = this.part(".wi-show").value;
    let thing = -1;
    told.tokens.forEach((token, k) => {
      if (token.kind !== "thing") return;
      thing += 1;
      if (!token.seen) return;
      const share = show === "attention" ? shares[k] : told.grounding[show === "next" ? 0 : 1][thing];
      const [cx, cy] = token.seen.map((value) => 1000 * value);
      nodes.push(shape("circle", { cx, cy, r: 12 }));
      nodes.push(shape("circle", { cx, cy, r: 12 + 90 * Math.sqrt(share), class: "wi-fill" }));
      nodes.push(shape("text", { x: cx, y: cy - 22 }, `${plain(token.name)} ${percent(share)}`));
    });
    this.part(".wi-frame svg").replaceChildren(...nodes);
  }

  words(shares) {
    const nodes = this.told.tokens.flatMap((token, k) => {
      if (token.kind !== "word" || !token.there) return [];
      const word = document.createElement("span");
      word.textContent = `${token.name} ${percent(shares[k])}`;
      word.style.setProperty("--share", String(Math.min(0.7, shares[k] * 2)));
      return [word];
    });
    this.part(".wi-sentence").replaceChildren(...nodes);
  }

  bars(shares, action) {
    const { tokens } = this.told;
    const sum = (kind) => tokens.reduce((total, token, k) => total + (token.kind === kind ? shares[k] : 0), 0);
    const rows = [["robot's state", sum("state")]];
    for (const [k, token] of tokens.entries())
      if (token.kind === "thing" && token.there) rows.push([plain(token.name), shares[k]]);
    const gone = tokens.reduce((all, token, k) => all + (token.kind === "thing" && !token.there ? shares[k] : 0), 0);
    if (gone) rows.push(["things that are not there", gone]);
    rows.push(["words, together", sum("word")]);
    rows.push(["motion's tokens, together", shares[tokens.length]]);
    rows.push(["actions' tokens, together", shares[tokens.length + 1]]);
    this.part(".wi-bars caption").textContent = `Attention of action ${action + 1} over everything that it sees:`;
    const body = this.part(".wi-bars tbody");
    body.replaceChildren(
      ...rows.map(([name, share]) => {
        const row = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.textContent = name;
        row.append(head);
        const bar = document.createElement("span");
        bar.className = "wi-bar";
        bar.style.setProperty("--share", String(share));
        row.insertCell().append(bar);
        row.insertCell().textContent = percent(share);
        return row;
      }),
    );
  }
}

/** How far what is seen is from what was kept, in words. */
function sameness(apart) {
  if (apart === null) return "This run keeps no actions of its own to hold it against.";
  if (apart === 0) return "Its actions are those of the run, to the bit.";
  return `Its actions differ from the run's by at most ${apart.toPrecision(2)}: another device, or other threads.`;
}

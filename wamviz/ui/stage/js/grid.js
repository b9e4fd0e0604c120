/* All samples at once: a cell each, the best first where they are ranked, and one for what they are held against.

   Contract: Grid(host) fills the element that it is given; layout(player) builds the cells of player.cells, present()
   draws one frame of all of them. A cell of a sample is a button with data-cell; stage.js hears it. */

import { made, setText } from "./dom.js";
import { PathLayer } from "./paths.js";
import { drawShot, fitted, resizeCanvas } from "./views.js";
import { columnsOf, ordinal, sampleWords } from "./words.js";

export class Grid {
  constructor(host) {
    Object.assign(this, { host, parts: [], key: "" });
    this.sizes = new ResizeObserver(() => this.resized());
  }

  layout(player) {
    this.player = player;
    this.host.hidden = !player.gridded;
    const key = JSON.stringify(player.cells.map(({ origin, sample, spec }) => [origin, sample, spec.label]));
    if (key !== this.key) {
      this.key = key;
      this.sizes.disconnect();
      this.parts = player.cells.map((cell) => this.build(cell));
      this.host.replaceChildren(...this.parts.map(({ pane }) => pane));
      for (const { screen } of this.parts) this.sizes.observe(screen);
    }
    const columns = columnsOf(this.parts.length);
    this.host.style.setProperty("--wv-cells", String(columns));
    this.host.style.setProperty("--wv-rows", String(Math.ceil(this.parts.length / Math.max(1, columns))));
    for (const [k, cell] of player.cells.entries()) this.caption(this.parts[k], cell);
  }

  build({ origin, sample }) {
    const canvas = made("canvas");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "wv-paths");
    svg.setAttribute("aria-hidden", "true");
    const mark = made("span", { className: "wv-mark", hidden: true });
    const screen = made(sample === null ? "div" : "button", { className: "wv-screen" }, canvas, svg, mark);
    if (sample !== null) {
      screen.type = "button";
      screen.dataset.cell = String(sample);
      canvas.setAttribute("aria-hidden", "true");
    } else canvas.setAttribute("role", "img");
    const [name, place, why] = ["wv-name", "wv-place", "wv-why"].map((className) => made("span", { className }));
    const caption = made("figcaption", {}, name, place, why);
    const pane = made("figure", { className: `wv-cell wv-cell-${origin}` }, screen, caption);
    return { pane, canvas, screen, mark, name, place, why, paths: new PathLayer(svg) };
  }

  caption(part, { origin, sample, spec, place, why }) {
    const words = sample === null ? this.player.panes[origin].name : sampleWords(spec, sample);
    setText(part.name, words);
    setText(part.place, place ? ordinal(place) : "");
    setText(part.why, why);
    if (sample === null) return;
    const chosen = sample === this.player.sample;
    part.pane.toggleAttribute("data-chosen", chosen);
    const ranked = place ? `, ${ordinal(place)}: ${why}` : "";
    part.screen.setAttribute("aria-label", `Show ${words} alone${ranked}`);
    part.screen.title = `Show ${words} alone`;
  }

  present(shots) {
    const { player } = this;
    for (const [k, shot] of shots.entries()) {
      const part = this.parts[k];
      if (!shot || !part) continue;
      const { origin, spec } = player.cells[k];
      drawShot(part.canvas, shot, player.pixels);
      part.mark.hidden = !(shot.ended || shot.early);
      setText(part.mark, shot.ended ? "ended" : "not begun");
      if (!part.screen.dataset.cell) part.canvas.setAttribute("aria-label", player.panes[origin].name);
      part.pane.dataset.frame = String(shot.k);
      const path =
        player.showPaths && spec.path?.length
          ? [{ origin, points: spec.path, rate: spec.rate, own: true, delay: player.delayOf(origin) }]
          : [];
      part.paths.set(path, shot.clip.width, shot.clip.height);
      const box = fitted({ width: part.width || 1, height: part.height || 1 }, shot.clip.width, shot.clip.height);
      part.paths.update(player.frame / player.fps, shot.clip.width / Math.max(1, box.w));
    }
  }

  resized() {
    const changed = this.parts.map((part) => {
      const { clientWidth: width, clientHeight: height } = part.canvas;
      if (!width) return false;
      Object.assign(part, { width, height });
      return resizeCanvas(part.canvas, width, height);
    });
    if (changed.some(Boolean) && this.player?.frames) this.player.show();
  }
}

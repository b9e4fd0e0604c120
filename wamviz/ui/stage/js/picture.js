/* The current frame as a PNG: what the stage shows, with its words, at whole multiples of the clips' own pixels. */

import { PATH_STYLE } from "./paths.js";
import { fitted } from "./views.js";
import { columnsOf } from "./words.js";

export function savePicture(player, surface) {
  const named = player.compared ? [player.first, "compare", player.second] : player.origins;
  const parts = player.gridded ? surface.grid.parts : named.map((name) => surface.parts[name]);
  const shown = parts.filter(
    (part) => part && !part.pane.hidden && !part.canvas.hidden && part.pane.dataset.state !== "loading",
  );
  if (!shown.length) return surface.say("There is no picture to save.");
  const side = Math.max(...Object.values(player.shots).map(({ clip }) => clip.width));
  const width = side * Math.max(1, Math.ceil(320 / side));
  const heights = shown.map(({ canvas }) => Math.round((width * canvas.height) / canvas.width));
  const [gap, head, line] = [12, player.meta.instruction ? 30 : 0, 22];
  const columns = player.gridded ? columnsOf(shown.length) : shown.length;
  const row = line + Math.max(...heights) + gap;
  const canvas = document.createElement("canvas");
  canvas.width = columns * (width + gap) + gap;
  canvas.height = head + gap + Math.ceil(shown.length / columns) * row;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#1f2328";
  context.textBaseline = "middle";
  const font = getComputedStyle(surface.root).fontFamily;
  if (head) {
    context.font = `600 15px ${font}`;
    context.fillText(player.meta.instruction, gap, gap + head / 2, canvas.width - 2 * gap);
  }
  shown.forEach((part, k) => {
    const x = gap + (k % columns) * (width + gap);
    const y = gap + head + line + Math.floor(k / columns) * row;
    context.font = `13px ${font}`;
    context.fillText(part.canvas.getAttribute("aria-label") || part.name.textContent, x, y - line / 2 - 2, width);
    context.imageSmoothingEnabled = !player.pixels;
    context.imageSmoothingQuality = "high";
    context.drawImage(part.canvas, x, y, width, heights[k]);
    drawPathsInto(context, part.paths, x, y, width, heights[k]);
  });
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    const run = player.run ? `${player.run}-` : "";
    link.download = `wamviz-${run}frame-${String(player.frame).padStart(3, "0")}-${player.view}.png`;
    link.href = URL.createObjectURL(blob);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    surface.say(`Saved ${link.download}`);
  }, "image/png");
}

function drawPathsInto(context, layer, x, y, width, height) {
  if (!layer.lines.length) return;
  const box = fitted({ width, height }, layer.width, layer.height);
  const place = ([px, py]) => [x + box.x + px * box.w, y + box.y + py * box.h];
  for (const { path, past } of layer.lines) {
    const dash = PATH_STYLE[path.origin].dash;
    context.beginPath();
    for (const point of path.points) context.lineTo(...place(point)); // the first one only moves there
    context.lineCap = PATH_STYLE[path.origin].cap;
    context.lineWidth = path.own ? 4.5 : 3;
    context.strokeStyle = getComputedStyle(past).getPropertyValue("--wv-halo");
    context.setLineDash([]);
    context.stroke();
    context.lineWidth = path.own ? 2.5 : 1.5;
    context.strokeStyle = getComputedStyle(past).stroke;
    context.setLineDash(dash === "none" ? [] : dash.split(" ").map(Number));
    context.stroke();
  }
  context.setLineDash([]);
}

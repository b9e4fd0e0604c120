/* Drawing: frames onto canvases, and two clips into one picture.

   Contract: pure functions of what they are given; a shot is { clip, k } (clip decoded at k) and every picture is
   fitted into its canvas whole, centred. The difference is |first - second| * gain for each colour, in the first
   clip's own pixels, so equal frames are exactly black. Nothing here knows the clock, the value or the controls. */

/* The largest rectangle of width : height inside a canvas. */
export function fitted(canvas, width, height) {
  const scale = Math.min(canvas.width / width, canvas.height / height);
  const w = Math.round(width * scale);
  const h = Math.round(height * scale);
  return { x: Math.floor((canvas.width - w) / 2), y: Math.floor((canvas.height - h) / 2), w, h };
}

/* Match the backing store to what the screen can show, so that enlarging is done once and well. */
export function resizeCanvas(canvas, shownWidth, shownHeight) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.max(1, Math.min(1536, Math.round(shownWidth * ratio)));
  const height = Math.max(1, Math.min(1536, Math.round(shownHeight * ratio)));
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}

const scratch = new Map();

/* A reusable canvas of a given size, for pixels that are not shown. */
function scratchContext(name, width, height, read = false) {
  let context = scratch.get(name);
  if (!context) {
    context = document.createElement("canvas").getContext("2d", { willReadFrequently: read });
    scratch.set(name, context);
  }
  if (context.canvas.width !== width || context.canvas.height !== height) {
    context.canvas.width = width;
    context.canvas.height = height;
  }
  return context;
}

/* Enlarge a drawing routine's picture: smoothly, or as single pixels of equal size (whole-number blocks first). */
function enlarge(context, box, width, height, pixels, paint) {
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  if (!pixels || box.w <= width) return paint(context, box.x, box.y, box.w, box.h);
  const factor = Math.ceil(box.w / width);
  const blocks = scratchContext("blocks", width * factor, height * factor);
  blocks.imageSmoothingEnabled = false;
  paint(blocks, 0, 0, width * factor, height * factor);
  context.drawImage(blocks.canvas, box.x, box.y, box.w, box.h);
}

export function drawShot(canvas, shot, pixels) {
  const context = canvas.getContext("2d");
  const { clip, k } = shot;
  const box = fitted(canvas, clip.width, clip.height);
  context.clearRect(0, 0, canvas.width, canvas.height);
  enlarge(context, box, clip.width, clip.height, pixels, (target, x, y, w, h) => clip.draw(target, k, x, y, w, h));
  return box;
}

/* Two shots in one canvas; returns the rectangle that they fill. */
export function drawComparison(canvas, first, second, view, amount, pixels) {
  const context = canvas.getContext("2d");
  const { width, height } = first.clip;
  const box = fitted(canvas, width, height);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const paint = (shot) =>
    enlarge(context, box, width, height, pixels, (target, x, y, w, h) => shot.clip.draw(target, shot.k, x, y, w, h));
  if (view === "difference") {
    const picture = difference(first, second, amount);
    enlarge(context, box, width, height, pixels, (target, x, y, w, h) => target.drawImage(picture, x, y, w, h));
    return box;
  }
  paint(first);
  context.save();
  if (view === "wipe") {
    const edge = Math.round(box.w * amount);
    context.beginPath();
    context.rect(box.x + edge, box.y, box.w - edge, box.h);
    context.clip();
  } else {
    context.globalAlpha = amount;
  }
  paint(second);
  context.restore();
  return box;
}

/* |first - second| * gain, by compositing alone: reading pixels back would wait for the screen each time. */
function difference(first, second, gain) {
  const { width, height } = first.clip;
  const apart = scratchContext("apart", width, height);
  apart.globalCompositeOperation = "copy";
  first.clip.draw(apart, first.k, 0, 0, width, height);
  apart.globalCompositeOperation = "difference";
  second.clip.draw(apart, second.k, 0, 0, width, height);
  const sum = scratchContext("sum", width, height);
  sum.globalCompositeOperation = "copy";
  sum.drawImage(apart.canvas, 0, 0);
  sum.globalCompositeOperation = "lighter";
  for (let left = gain - 1; left > 0; left -= 1) {
    sum.globalAlpha = Math.min(1, left);
    sum.drawImage(apart.canvas, 0, 0);
  }
  sum.globalAlpha = 1;
  return sum.canvas;
}

/* The mean absolute difference of two shots, 0..255, over all pixels and colours of the first one's size. */
export function meanDifference(first, second) {
  const { width, height } = first.clip;
  const pixelsOf = (name, { clip, k }) => {
    const context = scratchContext(name, width, height, true);
    clip.draw(context, k, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  };
  const [one, two] = [pixelsOf("one", first), pixelsOf("two", second)];
  let sum = 0;
  for (let k = 0; k < one.length; k += 1) sum += Math.abs(one[k] - two[k]); // opacity is equal everywhere
  return sum / (width * height * 3);
}

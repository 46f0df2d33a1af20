// Painter: puts many marks on a canvas, as stamps or, when they are very many, as pixels.

import { trace } from "./marks.js";

/** places: Float64Array of x, y in device pixels for each mark; looks: for each mark its look from marks.js. */
export class Painter {
  constructor() {
    this.kept = new Map();
  }

  /** Draw each mark from a prepared picture: smooth edges, for up to some ten thousand marks. */
  stamps(context, places, looks, radius) {
    looks.forEach(({ colour, shape }, k) => {
      const stamp = this.stamp(colour, shape, radius);
      context.drawImage(stamp, Math.round(places[2 * k] - stamp.width / 2), Math.round(places[2 * k + 1] - stamp.height / 2));
    });
  }

  stamp(colour, shape, radius) {
    const key = `${colour} ${shape} ${radius.toFixed(2)}`;
    if (this.kept.has(key)) return this.kept.get(key);
    if (this.kept.size > 400) this.kept.clear();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.ceil(2.8 * radius + 3);
    const context = canvas.getContext("2d");
    trace(context, shape, canvas.width / 2, canvas.height / 2, radius);
    context.fillStyle = colour;
    context.fill();
    context.strokeStyle = "rgba(0, 0, 0, 0.35)";
    context.lineWidth = radius / 5;
    if (radius > 2.5) context.stroke();
    this.kept.set(key, canvas);
    return canvas;
  }
}

/** Write marks as squares of one opacity (0 to 255) into the pixels of `image`; `side` in device pixels. */
export function splat(image, places, looks, side, opacity) {
  const { width, height } = image;
  const pixels = new Uint32Array(image.data.buffer);
  looks.forEach(({ pixel }, k) => {
    const value = ((opacity << 24) | pixel) >>> 0;
    const left = Math.round(places[2 * k] - side / 2);
    const top = Math.round(places[2 * k + 1] - side / 2);
    const [from, to] = [Math.max(0, left), Math.min(width, left + side)];
    if (from < to)
      for (let row = Math.max(0, top); row < Math.min(height, top + side); row++) pixels.fill(value, row * width + from, row * width + to);
  });
}

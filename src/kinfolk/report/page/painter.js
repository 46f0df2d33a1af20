// Painter: puts many marks on a canvas, as stamps or, when they are very many, as pixels.

import { LOOKS, trace } from "./marks.js";

const STAMPED = 20000; // more marks than this are written as pixels
const FAINT = 0.13;

/** Draws marks: `order` says which points in which order, the first `dim` of them faintly. */
export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.kept = new Map();
    this.image = null;
  }

  /** places: x, y in device pixels by point; tones: places in LOOKS by point; radius in device pixels. */
  paint({ order, count, dim, places, tones, radius }) {
    const { canvas, context } = this;
    if (count > STAMPED) return this.pixels({ order, count, dim, places, tones, side: Math.max(1, Math.round(1.4 * radius)) });
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (let k = 0; k < count; k++) {
      const i = order[k];
      context.globalAlpha = k < dim ? FAINT : 1;
      const stamp = this.stamp(tones[i], radius);
      context.drawImage(stamp, Math.round(places[2 * i] - stamp.width / 2), Math.round(places[2 * i + 1] - stamp.height / 2));
    }
    context.globalAlpha = 1;
    return undefined;
  }

  /** A prepared picture of one look, with smooth edges. */
  stamp(tone, radius) {
    const key = tone + radius * 1e4;
    if (this.kept.has(key)) return this.kept.get(key);
    if (this.kept.size > 400) this.kept.clear();
    const { colour, shape } = LOOKS[tone];
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

  /** Every mark as a small disc of whole pixels, each overwriting what lies below. */
  pixels({ order, count, dim, places, tones, side }) {
    const { width, height } = this.canvas;
    if (this.image?.width !== width || this.image.height !== height) this.image = new ImageData(width, height);
    const image = new Uint32Array(this.image.data.buffer).fill(0);
    const faint = LOOKS.map(({ pixel }) => ((Math.round(255 * FAINT) << 24) | pixel) >>> 0);
    const full = LOOKS.map(({ pixel }) => ((255 << 24) | pixel) >>> 0);
    const insets = discRows(side);
    for (let k = 0; k < count; k++) {
      const i = order[k];
      const value = (k < dim ? faint : full)[tones[i]];
      const left = Math.round(places[2 * i] - side / 2);
      const top = Math.round(places[2 * i + 1] - side / 2);
      for (let row = Math.max(0, -top); row < side && top + row < height; row++) {
        const to = Math.min(width, left + side - insets[row]);
        for (let x = Math.max(0, left + insets[row]); x < to; x++) image[(top + row) * width + x] = value;
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }
}

/** For each row of a disc `side` pixels wide, how many pixels at its ends lie outside. */
function discRows(side) {
  const middle = (side - 1) / 2;
  return Array.from({ length: side }, (_, row) =>
    Math.max(0, Math.ceil(middle - Math.sqrt((side / 2) ** 2 - (row - middle) ** 2))));
}

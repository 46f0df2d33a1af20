// Frame: which part of the plane a map shows, and where its points lie on the screen.

const MOST = 400; // times the whole map that can be zoomed in
const LEAST = 1 / 4;

/** A window of `width` x `height` CSS pixels on the plane: its middle (x, y) and its scale in pixels a unit. */
export class Frame {
  constructor(box) {
    Object.assign(this, { box, width: 1, height: 1, ratio: 1, x: 0, y: 0, scale: 1, whole: 1 });
  }

  /** Take another size; what is in the middle stays there, as many times larger than the whole map as before. */
  resize(width, height, ratio) {
    const { x0, x1, y0, y1 } = this.box;
    const { magnification } = this;
    Object.assign(this, { width, height, ratio });
    this.whole = 0.92 * Math.min(width / Math.max(x1 - x0, 1e-12), height / Math.max(y1 - y0, 1e-12));
    this.scale = this.whole * magnification;
  }

  /** Show all points. */
  fit() {
    const { x0, x1, y0, y1 } = this.box;
    Object.assign(this, { scale: this.whole, x: (x0 + x1) / 2, y: (y0 + y1) / 2 });
  }

  /** Move by CSS pixels. */
  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
  }

  /** Zoom by `factor` around a point in CSS pixels. */
  zoom(factor, x, y) {
    const [a, b] = this.toData(x, y);
    this.scale = Math.min(this.whole * MOST, Math.max(this.whole * LEAST, this.scale * factor));
    const [c, d] = this.toData(x, y);
    this.x += a - c;
    this.y += b - d;
  }

  /** How much larger than the whole map. */
  get magnification() {
    return this.scale / this.whole;
  }

  toScreen(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  toData(x, y) {
    return [this.x + (x - this.width / 2) / this.scale, this.y - (y - this.height / 2) / this.scale];
  }
}

/** The smallest box around all places that are known. */
export function bounds(xy) {
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let k = 0; k < xy.length; k += 2) {
    const [x, y] = [xy[k], xy[k + 1]];
    if (!Number.isFinite(x + y)) continue;
    if (x < box.x0) box.x0 = x;
    if (x > box.x1) box.x1 = x;
    if (y < box.y0) box.y0 = y;
    if (y > box.y1) box.y1 = y;
  }
  return Number.isFinite(box.x0) ? box : { x0: 0, y0: 0, x1: 1, y1: 1 };
}

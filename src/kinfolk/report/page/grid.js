// Grid: finds the nearest of very many points, and those inside a drawn path.

/** Points sorted into square cells, so that the nearest of 200,000 is found without looking at all. */
export class Grid {
  constructor(xy, box) {
    this.xy = xy;
    const count = xy.length / 2;
    this.side = Math.max(1, Math.ceil(Math.sqrt(count / 4)));
    this.x = box.x0;
    this.y = box.y0;
    this.step = Math.max(box.x1 - box.x0, box.y1 - box.y0, 1e-12) / this.side;
    this.starts = new Uint32Array(this.side * this.side + 1);
    const cells = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      cells[i] = Number.isFinite(xy[2 * i] + xy[2 * i + 1]) ? this.row(xy[2 * i + 1]) * this.side + this.column(xy[2 * i]) : -1;
      if (cells[i] >= 0) this.starts[cells[i] + 1]++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    this.order = new Uint32Array(this.starts[this.side * this.side]);
    for (let i = 0; i < count; i++) if (cells[i] >= 0) this.order[next[cells[i]]++] = i;
  }

  column(x) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((x - this.x) / this.step)));
  }

  row(y) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((y - this.y) / this.step)));
  }

  /** Call `visit(i)` for every point whose cell touches the rectangle. */
  within(x0, y0, x1, y1, visit) {
    for (let row = this.row(y0); row <= this.row(y1); row++) {
      const first = this.starts[row * this.side + this.column(x0)];
      const last = this.starts[row * this.side + this.column(x1) + 1];
      for (let k = first; k < last; k++) visit(this.order[k]);
    }
  }

  /** The point nearest to (x, y) within `reach` for which `accept(i)` holds, or -1. */
  nearest(x, y, reach, accept) {
    let best = -1;
    let least = reach * reach;
    this.within(x - reach, y - reach, x + reach, y + reach, (i) => {
      const distance = (this.xy[2 * i] - x) ** 2 + (this.xy[2 * i + 1] - y) ** 2;
      if (distance <= least && accept(i)) [best, least] = [i, distance];
    });
    return best;
  }
}

/** Whether (x, y) lies inside a closed path of points (even-odd rule). */
export function inside(path, x, y) {
  let odd = false;
  for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
    const [[ax, ay], [bx, by]] = [path[a], path[b]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

// Scatter: points on a 2-D canvas with pan, zoom, hover, lasso and selections shared between maps.

import { Grid, inside } from "./grid.js";
import { look, step, trace } from "./marks.js";
import { Painter, splat } from "./painter.js";
import { Pointer } from "./pointer.js";
import { Tip } from "./tip.js";

const STAMPED = 20000; // more visible points than this are written as pixels
const REACH = 14; // CSS pixels within which a pointer finds a point

/**
 * One map.
 *
 * points: { xy: Float32Array(2 N), ids: Int32Array(N) (which image each point is, shared between maps),
 *           colours: Map(name -> { values: Int32Array | Float32Array, names: [...] | null, low, high }) };
 *         a colouring with names holds categories, one without holds quantities between low and high
 * options: label (what a screen reader says), thumbnail(id) -> { source, x, y, width, height } or null,
 *          describe(i) -> lines of text, wheel: "focused" or "always", pick(i) on click or Enter
 */
export class Scatter {
  constructor(host, group, points, options) {
    Object.assign(this, { host, group, options, ...points });
    this.count = this.ids.length;
    this.base = this.layer("points");
    this.over = this.layer("overlay");
    this.over.tabIndex = 0;
    this.over.setAttribute("role", "application");
    this.over.setAttribute("aria-label", options.label);
    this.tip = new Tip(host);
    this.rows = new Map();
    this.ids.forEach((id, i) => this.rows.set(id, i));
    this.box = this.bounds();
    this.grid = new Grid(this.xy, this.box);
    this.painter = new Painter();
    this.listen();
    this.resize();
    this.fit();
  }

  layer(name) {
    const canvas = document.createElement("canvas");
    canvas.className = name;
    this.host.append(canvas);
    return canvas;
  }

  bounds() {
    const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
    for (let i = 0; i < this.count; i++) {
      const [x, y] = [this.xy[2 * i], this.xy[2 * i + 1]];
      if (!Number.isFinite(x + y)) continue;
      box.x0 = Math.min(box.x0, x);
      box.x1 = Math.max(box.x1, x);
      box.y0 = Math.min(box.y0, y);
      box.y1 = Math.max(box.y1, y);
    }
    return Number.isFinite(box.x0) ? box : { x0: 0, y0: 0, x1: 1, y1: 1 };
  }

  listen() {
    this.group.addEventListener("change", (event) => {
      const hoverOnly = event.detail.every((key) => key === "hover");
      if (hoverOnly) this.drawOverlay();
      else this.draw();
    });
    new ResizeObserver(() => this.resize()).observe(this.host);
    addEventListener("resize", () => this.resize());
    new Pointer(this);
    this.over.addEventListener("keydown", (event) => this.key(event));
    this.over.addEventListener("blur", () => this.hover(-1));
  }

  /** Match the canvases to their box and the device's pixels. */
  resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.host.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.host.clientHeight * ratio));
    if (this.base.width === width && this.base.height === height && this.ratio === ratio) return;
    const grown = this.width ? Math.min(width / this.base.width, height / this.base.height) * (this.ratio / ratio) : 1;
    for (const canvas of [this.base, this.over]) Object.assign(canvas, { width, height });
    this.ratio = ratio;
    this.width = width / ratio;
    this.height = height / ratio;
    if (this.view) {
      this.view.scale *= grown;
      this.whole *= grown;
      this.paint();
    }
  }

  /** Show all points. */
  fit() {
    const { x0, x1, y0, y1 } = this.box;
    const scale = 0.92 * Math.min(this.width / Math.max(x1 - x0, 1e-12), this.height / Math.max(y1 - y0, 1e-12));
    this.view = { scale, x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
    this.whole = scale;
    this.draw();
  }

  toScreen(i) {
    return [this.width / 2 + (this.xy[2 * i] - this.view.x) * this.view.scale,
      this.height / 2 - (this.xy[2 * i + 1] - this.view.y) * this.view.scale];
  }

  toData(x, y) {
    return [this.view.x + (x - this.width / 2) / this.view.scale, this.view.y - (y - this.height / 2) / this.view.scale];
  }

  /** Move by CSS pixels. */
  pan(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.draw();
  }

  /** Zoom by `factor` around a point in CSS pixels (the middle unless told). */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const [a, b] = this.toData(x, y);
    this.view.scale = Math.min(this.whole * 400, Math.max(this.whole / 4, this.view.scale * factor));
    const [c, d] = this.toData(x, y);
    this.view.x += a - c;
    this.view.y += b - d;
    this.draw();
  }

  get colouring() {
    return this.colours.get(this.group.colour);
  }

  /** Whether point i is not filtered away by the legend. */
  shown(i) {
    const colouring = this.colouring;
    return !colouring?.names || !this.group.hidden.has(colouring.values[i]);
  }

  get radius() {
    const spread = Math.sqrt((this.width * this.height) / Math.max(1, this.count)) * 0.36;
    return Math.min(7, Math.min(4.5, Math.max(1.2, spread)) * Math.min(2, (this.view.scale / this.whole) ** 0.35));
  }

  /** Positions of points in device pixels. */
  places(points) {
    const { scale, x, y } = this.view;
    const places = new Float64Array(2 * points.length);
    points.forEach((i, k) => {
      places[2 * k] = (this.width / 2 + (this.xy[2 * i] - x) * scale) * this.ratio;
      places[2 * k + 1] = (this.height / 2 - (this.xy[2 * i + 1] - y) * scale) * this.ratio;
    });
    return places;
  }

  lookOf(i) {
    const colouring = this.colouring;
    if (!colouring) return look(this.group.colour ? -1 : 0);
    const value = colouring.values[i];
    return colouring.names ? look(value) : step(value, colouring.low, colouring.high);
  }

  /** Redraw once before the next frame, however often it is asked. */
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.waiting = false;
    const context = this.base.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.base.width, this.base.height);
    const [bright, dim] = this.visible();
    const layers = [[dim, 0.13], [bright, 1]].map(([points, alpha]) => [this.places(points), points.map((i) => this.lookOf(i)), alpha]);
    if (bright.length + dim.length > STAMPED) {
      const image = context.createImageData(this.base.width, this.base.height);
      const side = Math.max(1, Math.round(1.4 * this.radius * this.ratio));
      for (const [places, looks, alpha] of layers) splat(image, places, looks, side, Math.round(255 * alpha));
      context.putImageData(image, 0, 0);
    } else
      for (const [places, looks, alpha] of layers) {
        context.globalAlpha = alpha;
        this.painter.stamps(context, places, looks, this.radius * this.ratio);
      }
    context.globalAlpha = 1;
    this.drawOverlay();
  }

  /** Points in the window, those of the selection apart from those outside it. */
  visible() {
    const [bright, dim] = [[], []];
    const [x0, y1] = this.toData(-8, -8);
    const [x1, y0] = this.toData(this.width + 8, this.height + 8);
    const selecting = this.group.selected.size > 0;
    for (let i = 0; i < this.count; i++) {
      const [x, y] = [this.xy[2 * i], this.xy[2 * i + 1]];
      if (!(x >= x0 && x <= x1 && y >= y0 && y <= y1) || !this.shown(i)) continue;
      (selecting && !this.group.selected.has(this.ids[i]) ? dim : bright).push(i);
    }
    return [bright, dim];
  }

  /** Rings around the hovered and the (few) selected points, the lasso, and the tip. */
  drawOverlay() {
    const context = this.over.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.strokeStyle = getComputedStyle(this.host).color;
    const ring = (i, radius, width) => {
      context.lineWidth = width;
      trace(context, "disc", ...this.toScreen(i), radius);
      context.stroke();
    };
    if (this.group.selected.size <= 50)
      for (const id of this.group.selected) if (this.rows.has(id) && this.shown(this.rows.get(id))) ring(this.rows.get(id), this.radius + 2, 1.2);
    if (this.path?.length > 1) {
      context.lineWidth = 1.5;
      context.setLineDash([5, 4]);
      context.beginPath();
      this.path.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.stroke();
      context.setLineDash([]);
    }
    const hovered = this.rows.get(this.group.hover);
    if (hovered !== undefined && this.shown(hovered)) ring(hovered, this.radius + 4, 2.2);
    if (this.active && hovered !== undefined && this.shown(hovered)) this.tip.show(this, hovered);
    else this.tip.hide();
  }

  /** The point under CSS pixel (x, y), or -1. */
  at(x, y, reach = REACH) {
    return this.grid.nearest(...this.toData(x, y), reach / this.view.scale, (i) => this.shown(i));
  }

  /** Point out point i in every map (-1: none). */
  hover(i) {
    this.active = i >= 0;
    const id = i >= 0 ? this.ids[i] : -1;
    if (this.group.hover === id) this.drawOverlay();
    else this.group.set({ hover: id });
  }

  /** Select point i, or take it out of the selection. */
  pick(i) {
    if (i < 0) return;
    const selected = new Set(this.group.selected);
    if (!selected.delete(this.ids[i])) selected.add(this.ids[i]);
    this.group.set({ selected });
    this.options.pick?.(i);
  }

  /** Select what lies inside the drawn path. */
  closeLasso() {
    const path = this.path.map(([x, y]) => this.toData(x, y));
    this.path = null;
    const [xs, ys] = [path.map((p) => p[0]), path.map((p) => p[1])];
    const selected = new Set();
    this.grid.within(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
      if (this.shown(i) && inside(path, this.xy[2 * i], this.xy[2 * i + 1])) selected.add(this.ids[i]);
    });
    this.group.set({ selected });
  }

  key(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (arrow && event.shiftKey) this.pan(-60 * arrow[0], 60 * arrow[1]);
    else if (arrow) this.step(...arrow);
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter" || event.key === " ") this.pick(this.rows.get(this.group.hover) ?? -1);
    else if (event.key === "Escape") this.group.set({ selected: new Set(), hover: -1 });
    else return;
    event.preventDefault();
  }

  /** Walk from the hovered point to its neighbour in a direction; from nowhere, to the middle of the window. */
  step(dx, dy) {
    const from = this.rows.get(this.group.hover);
    if (from === undefined) return this.hover(this.at(this.width / 2, this.height / 2, Math.hypot(this.width, this.height)));
    let [best, least] = [from, Infinity];
    for (let i = 0; i < this.count; i++) {
      const [x, y] = [this.xy[2 * i] - this.xy[2 * from], this.xy[2 * i + 1] - this.xy[2 * from + 1]];
      const along = x * dx + y * dy;
      const across = Math.abs(x * dy) + Math.abs(y * dx);
      if (along > 0 && across <= along && along + across < least && this.shown(i)) [best, least] = [i, along + across];
    }
    return this.hover(best);
  }
}

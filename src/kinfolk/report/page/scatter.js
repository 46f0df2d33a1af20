// Scatter: points on a 2-D canvas with pan, zoom, hover, lasso and selections shared between maps.

import { Frame, bounds } from "./frame.js";
import { Grid, inside } from "./grid.js";
import { category, quantity, trace, whenSchemeChanges } from "./marks.js";
import { Painter } from "./painter.js";
import { Pointer } from "./pointer.js";
import { Tip } from "./tip.js";

const REACH = 14; // CSS pixels within which a pointer finds a point
const HIDDEN = 0; // how a point is shown
const DIM = 1;
const BRIGHT = 2;
const RINGED = 50; // selected points that get a ring each

/**
 * One map.
 *
 * points: { xy: Float32Array(2 N), ids: Int32Array(N) (which image each point is, shared between maps),
 *           colours: Map(name -> { values: Int32Array | Float32Array, names: [...] | null, low, high }) };
 *         a colouring with names holds categories, one without holds quantities between low and high
 * options: label (what a screen reader says), picture(id, side) -> an element or null, describe(i) -> lines of text,
 *          wheel: "focused" or "always", open(id) on click, tap or Enter (without it they select),
 *          lassoed(path) and moved() after the reader has drawn a lasso or changed the window
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
    for (let i = 0; i < this.count; i++) this.rows.set(this.ids[i], i);
    this.frame = new Frame(bounds(this.xy));
    this.grid = new Grid(this.xy, this.frame.box);
    this.painter = new Painter(this.base);
    this.stale = true;
    this.states = new Uint8Array(this.count);
    this.tones = new Uint8Array(this.count);
    this.places = new Float32Array(2 * this.count);
    this.order = new Uint32Array(this.count);
    this.resize();
    this.fit();
    this.listen();
  }

  layer(name) {
    const canvas = document.createElement("canvas");
    canvas.className = name;
    this.host.append(canvas);
    return canvas;
  }

  listen() {
    const leaving = new AbortController();
    const { signal } = leaving;
    const sized = new ResizeObserver(() => this.resize());
    this.stop = () => [leaving.abort(), sized.disconnect()];
    this.group.addEventListener("change", (event) => this.changed(event.detail), { signal });
    sized.observe(this.host);
    addEventListener("resize", () => this.resize(), { signal });
    whenSchemeChanges(() => this.draw(), signal);
    new Pointer(this);
    this.over.addEventListener("keydown", (event) => this.key(event));
    this.over.addEventListener("blur", () => this.hover(-1));
  }

  changed(keys) {
    if (keys.every((key) => key === "hover" || key === "rings" || key === "lasso")) this.drawOverlay();
    else this.draw();
  }

  /** Match the canvases to their box and the device's pixels. */
  resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.host.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.host.clientHeight * ratio));
    if (this.base.width === width && this.base.height === height && this.frame.ratio === ratio) return;
    for (const canvas of [this.base, this.over]) Object.assign(canvas, { width, height });
    this.frame.resize(width / ratio, height / ratio, ratio);
    this.paint();
  }

  fit() {
    this.frame.fit();
    this.draw();
    this.options.moved?.();
  }

  pan(dx, dy) {
    this.frame.pan(dx, dy);
    this.draw();
    this.options.moved?.();
  }

  /** Zoom by `factor` around a point in CSS pixels (the middle unless told). */
  zoom(factor, x = this.frame.width / 2, y = this.frame.height / 2) {
    this.frame.zoom(factor, x, y);
    this.draw();
    this.options.moved?.();
  }

  /** Show the window that was left with `frame.x`, `frame.y` and a magnification. */
  look(x, y, magnification) {
    Object.assign(this.frame, { x, y, scale: this.frame.whole * magnification });
    this.draw();
  }

  get colouring() {
    return this.colours.get(this.group.colour);
  }

  /** Whether point i is not filtered away. */
  shown(i) {
    const colouring = this.colouring;
    if (colouring?.names && this.group.hidden.has(colouring.values[i])) return false;
    return !this.group.kept || this.group.kept.has(this.ids[i]);
  }

  get radius() {
    const { width, height, magnification } = this.frame;
    const spread = Math.sqrt((width * height) / Math.max(1, this.count)) * 0.36;
    return Math.min(7, Math.min(4.5, Math.max(1.2, spread)) * Math.min(2, magnification ** 0.35));
  }

  /** Redraw once before the next frame, however often it is asked. */
  draw() {
    this.stale = true;
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.waiting = false;
    if (this.stale) this.restate();
    this.stale = false;
    const { order, places, tones } = this;
    this.painter.paint({ order, places, tones, ...this.visible(), radius: this.radius * this.frame.ratio });
    this.drawOverlay();
  }

  /** Work out how each point is shown, and in which look. */
  restate() {
    const { group, colouring } = this;
    const plain = category(group.colour ? -1 : 0);
    const selecting = group.selected.size > 0;
    for (let i = 0; i < this.count; i++) {
      this.states[i] = !this.shown(i) ? HIDDEN : selecting && !group.selected.has(this.ids[i]) ? DIM : BRIGHT;
      if (!colouring) this.tones[i] = plain;
      else if (colouring.names) this.tones[i] = category(colouring.values[i]);
      else this.tones[i] = quantity(colouring.values[i], colouring.low, colouring.high);
    }
  }

  /** Put the places of the points in the window into `places`, and their numbers into `order`, faint ones first. */
  visible() {
    const { xy, states, places, order } = this;
    const { scale, x, y, width, height, ratio } = this.frame;
    const margin = 8 * ratio;
    let count = 0;
    let dim = 0;
    for (const state of [DIM, BRIGHT]) {
      for (let i = 0; i < this.count; i++) {
        if (states[i] !== state) continue;
        const left = (width / 2 + (xy[2 * i] - x) * scale) * ratio;
        const top = (height / 2 - (xy[2 * i + 1] - y) * scale) * ratio;
        if (!(left > -margin && top > -margin && left < width * ratio + margin && top < height * ratio + margin)) continue;
        places[2 * i] = left;
        places[2 * i + 1] = top;
        order[count++] = i;
      }
      if (state === DIM) dim = count;
    }
    return { count, dim };
  }

  /** Rings around the hovered, the marked and the (few) selected points, the lasso, and the tip. */
  drawOverlay() {
    const { ratio, width, height } = this.frame;
    const context = this.over.getContext("2d");
    const ink = getComputedStyle(this.host).color;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { selected, rings, hover } = this.group;
    if (selected.size <= RINGED) for (const id of selected) this.ring(context, id, 2, 1.2, ink);
    for (const [id, { colour, thick }] of rings) this.ring(context, id, thick, thick, colour);
    if (this.path?.length > 1) this.drawPath(context, ink);
    const hovered = this.ring(context, hover, 4, 2.2, ink);
    if (this.active && hovered) this.tip.show(this, this.rows.get(hover));
    else this.tip.hide();
  }

  /** A ring around an image's point; false where it has none that is shown. */
  ring(context, id, room, thick, colour) {
    const i = this.rows.get(id);
    if (i === undefined || !this.shown(i)) return false;
    context.lineWidth = thick;
    context.strokeStyle = colour;
    trace(context, "disc", ...this.toScreen(i), this.radius + room);
    context.stroke();
    return true;
  }

  drawPath(context, ink) {
    Object.assign(context, { lineWidth: 1.5, strokeStyle: ink });
    context.setLineDash([5, 4]);
    context.beginPath();
    this.path.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.stroke();
    context.setLineDash([]);
  }

  toScreen(i) {
    return this.frame.toScreen(this.xy[2 * i], this.xy[2 * i + 1]);
  }

  /** The point under CSS pixel (x, y), or -1. */
  at(x, y, reach = REACH) {
    return this.grid.nearest(...this.frame.toData(x, y), reach / this.frame.scale, (i) => this.shown(i));
  }

  /** Point out point i in every map (-1: none). */
  hover(i) {
    this.active = i >= 0;
    const id = i >= 0 ? this.ids[i] : -1;
    if (this.group.hover === id) this.drawOverlay();
    else this.group.set({ hover: id });
  }

  /** Open the image of point i, or select it where nothing can be opened. */
  pick(i) {
    if (i < 0) return;
    if (this.options.open) this.options.open(this.ids[i]);
    else this.group.toggle(this.ids[i]);
  }

  /** Select what lies inside the drawn path. */
  closeLasso() {
    const path = this.path.map(([x, y]) => this.frame.toData(x, y));
    this.path = null;
    this.group.set({ selected: this.enclosed(path) });
    this.options.lassoed?.(path);
  }

  /** The images whose shown points lie inside a path on the plane. */
  enclosed(path) {
    const [xs, ys] = [path.map((p) => p[0]), path.map((p) => p[1])];
    const found = new Set();
    this.grid.within(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
      if (this.shown(i) && inside(path, this.xy[2 * i], this.xy[2 * i + 1])) found.add(this.ids[i]);
    });
    return found;
  }

  key(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow && event.shiftKey) this.pan(-60 * arrow[0], 60 * arrow[1]);
    else if (arrow) this.step(...arrow);
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter") this.pick(this.rows.get(this.group.hover) ?? -1);
    else if (event.key === " " && this.rows.has(this.group.hover)) this.group.toggle(this.group.hover);
    else if (event.key === "Escape") this.group.set({ selected: new Set(), hover: -1 });
    else return;
    event.preventDefault();
  }

  /** Walk from the hovered point to its neighbour in a direction; from nowhere, to the middle of the window. */
  step(dx, dy) {
    const from = this.rows.get(this.group.hover);
    const { width, height } = this.frame;
    if (from === undefined) return this.hover(this.at(width / 2, height / 2, Math.hypot(width, height)));
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

// Pointer: what mouse, pen and fingers do to a map.

/** Mouse, pen and touch: drag pans (or draws the lasso), pinch and wheel zoom, a tap picks. */
export class Pointer {
  constructor(map) {
    this.map = map;
    this.down = new Map();
    const canvas = map.over;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", (event) => this.cancel(event));
    canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && map.hover(-1));
    canvas.addEventListener("dblclick", () => map.fit());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  place(event) {
    const box = this.map.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    if (event.button > 0) return;
    const map = this.map;
    this.down.set(event.pointerId, this.place(event));
    this.moved = this.down.size > 1;
    map.over.setPointerCapture(event.pointerId);
    map.path = this.down.size === 1 && (event.shiftKey || map.group.lasso) ? [this.place(event)] : null;
  }

  move(event) {
    const map = this.map;
    const to = this.place(event);
    const from = this.down.get(event.pointerId);
    if (!from) return map.hover(map.at(...to));
    if (!this.moved && Math.hypot(to[0] - from[0], to[1] - from[1]) < 4) return undefined;
    this.moved = true;
    if (map.path) {
      map.path.push(to);
      return map.drawOverlay();
    }
    if (this.down.size === 2) {
      const other = [...this.down].find(([id]) => id !== event.pointerId)[1];
      const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
      map.zoom(apart(to, other) / Math.max(1, apart(from, other)), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
    } else map.pan(to[0] - from[0], to[1] - from[1]);
    return this.down.set(event.pointerId, to);
  }

  release(event) {
    const map = this.map;
    if (!this.down.delete(event.pointerId)) return;
    if (map.path && this.moved) map.closeLasso();
    else if (!this.moved) {
      const found = map.at(...this.place(event));
      map.hover(found);
      if (found >= 0 && (event.ctrlKey || event.metaKey)) map.group.toggle(map.ids[found]);
      else if (event.pointerType === "mouse" || map.options.open) map.pick(found);
    }
    map.path = null;
  }

  cancel(event) {
    this.down.delete(event.pointerId);
    this.map.path = null;
    this.map.drawOverlay();
  }

  wheel(event) {
    if (this.map.options.wheel !== "always" && document.activeElement !== this.map.over && !event.ctrlKey) return;
    event.preventDefault();
    this.map.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), ...this.place(event));
  }
}

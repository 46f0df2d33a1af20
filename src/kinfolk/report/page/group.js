// Group: what several maps share, so that a point shown in one is shown in all.

/** What maps share: the point under the pointer, the selected images, the hidden categories, the colouring. */
export class Group extends EventTarget {
  constructor() {
    super();
    this.hover = -1;
    this.selected = new Set();
    this.hidden = new Set();
    this.colour = "";
    this.lasso = false;
  }

  /** Change some of it and tell every map: `group.set({ hover: 12 })`. */
  set(changes) {
    if (Object.keys(changes).every((key) => this[key] === changes[key])) return;
    Object.assign(this, changes);
    this.dispatchEvent(new CustomEvent("change", { detail: Object.keys(changes) }));
  }
}

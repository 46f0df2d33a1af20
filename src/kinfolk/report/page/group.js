// Group: what several maps share, so that a point shown in one is shown in all.

/**
 * What maps share: the image under the pointer, the selected images, the hidden categories, the colouring,
 * the only images to be shown (`kept`, a Set, or null for all) and rings around some (`rings`: image -> CSS colour).
 */
export class Group extends EventTarget {
  constructor() {
    super();
    this.hover = -1;
    this.selected = new Set();
    this.hidden = new Set();
    this.kept = null;
    this.rings = new Map();
    this.colour = "";
    this.lasso = false;
  }

  /** Change some of it and tell every map: `group.set({ hover: 12 })`. */
  set(changes) {
    if (Object.keys(changes).every((key) => this[key] === changes[key])) return;
    Object.assign(this, changes);
    this.dispatchEvent(new CustomEvent("change", { detail: Object.keys(changes) }));
  }

  /** Select an image, or take it out of the selection. */
  toggle(id) {
    const selected = new Set(this.selected);
    if (!selected.delete(id)) selected.add(id);
    this.set({ selected });
  }
}

// Images: those of one split of a run, each known by its row, with class, picture and what is known of it.

import { json, kept, path } from "./api.js";
import { element } from "./elements.js";

export const PARTS = ["train", "test"];

/** The images of `split` ("train", "test" or "all") of a run (as the server describes it). */
export class Images {
  static async open(run, split) {
    const { count, columns } = await kept(path(run.key, "images", { split }));
    return new Images(run, split, count, columns);
  }

  constructor(run, split, count, { part, index, label }) {
    Object.assign(this, { run, split, count, part, index, label, classes: run.classes ?? [] });
    this.labelled = label.some((value) => value >= 0);
    this.rows = PARTS.map(() => []);
    for (let id = 0; id < count; id++) this.rows[part[id]][index[id]] = id;
    this.known = new Map();
  }

  /** The row of an image, or -1. */
  id(part, index) {
    return this.rows[part]?.[index] ?? -1;
  }

  /** "test:12" */
  name(id) {
    return id < 0 ? "" : `${PARTS[this.part[id]]}:${this.index[id]}`;
  }

  /** The row of "test:12", or -1. */
  named(text) {
    const [split, index] = (text ?? "").split(":");
    return this.id(PARTS.indexOf(split), Number(index));
  }

  category(id) {
    return className(this.run, this.label[id]);
  }

  /** "cat, test image 12" */
  describe(id) {
    return describe(this.run, PARTS[this.part[id]], this.index[id], this.label[id]);
  }

  picture(id, side) {
    return picture(this.run, PARTS[this.part[id]], this.index[id], side, this.describe(id));
  }

  /** Path and values of one image, asked once. */
  details(id) {
    if (!this.known.has(id)) {
      const asked = json(path(this.run.key, `images/${PARTS[this.part[id]]}/${this.index[id]}`));
      this.known.set(id, asked);
      asked.catch(() => this.known.delete(id));
    }
    return this.known.get(id);
  }

  forget() {
    this.known.clear();
  }
}

/** The name of a class, "" where there is none. */
export function className(run, label) {
  return label >= 0 ? run.classes?.[label] ?? `class ${label}` : "";
}

export function describe(run, split, index, label) {
  return [className(run, label), `${split} image ${index}`].filter(Boolean).join(", ");
}

/** A picture of one image, `side` device pixels wide at least; its alternative text names it. */
export function picture(run, split, index, side, alt) {
  const size = [48, 64, 96, 128, 192, 256].find((known) => known >= side) ?? 256;
  const made = element("img", { className: "picture", alt, loading: "lazy", decoding: "async", draggable: false });
  made.addEventListener("error", () => made.classList.add("broken"), { once: true });
  made.src = path(run.key, `thumbnails/${split}/${index}`, { size });
  return made;
}

/** A value as people read it. */
export function plain(value) {
  if (typeof value !== "number") return String(value ?? "unknown");
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

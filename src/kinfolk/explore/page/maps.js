// Maps: the chosen maps of one or two runs side by side, with one colouring and one selection.

import { legend } from "../shared/legend.js";
import { whenSchemeChanges } from "../shared/marks.js";
import { Scatter } from "../shared/scatter.js";
import { Refused, json, kept, path, pause } from "./api.js";
import { colouring, ready } from "./columns.js";
import { button, element, notice } from "./elements.js";
import { PARTS, plain } from "./images.js";
import { corners } from "./selection.js";

export const KINDS = { pca: "PCA", tsne: "t-SNE", laplacian: "Laplacian", umap: "UMAP" };
const DRAWN = 3000; // images of a map that is drawn on demand
const [LEAST, MOST] = [10, 20000]; // images of a map that the server draws

const number = new Intl.NumberFormat("en");

/** options: images, run, second, titles, open(id), changed() after the reader moved a window, lassoed(plate, path), signal */
export class Maps {
  constructor(group, options) {
    Object.assign(this, { group, ...options, plates: [], told: new Map(), titles: new Map() });
    this.described = { name: "" };
    this.place = element("div", { className: "maps" });
    this.key = element("div", { className: "legend", role: "group", ariaLabel: "Legend" });
    group.addEventListener("change", ({ detail }) => this.heard(detail), { signal: this.signal });
    whenSchemeChanges(() => this.showKey(), this.signal);
    this.signal.addEventListener("abort", () => this.plates.forEach((plate) => plate.map?.stop()));
  }

  /** Show the maps of `wanted`, [{ run, kind, window }]. */
  async show(wanted) {
    this.plates.forEach((plate) => plate.map?.stop());
    this.plates = wanted.map((one) => new Plate(this, one));
    this.place.dataset.count = Math.min(4, wanted.length);
    this.place.replaceChildren(...this.plates.map((plate) => plate.figure));
    await Promise.all(this.plates.map((plate) => plate.load()));
  }

  /** Colour every map by a column as the server describes it. */
  async colour(described, hidden = new Set()) {
    this.described = described;
    await Promise.all(this.plates.map((plate) => plate.colour()));
    if (this.described !== described) return;
    this.group.set({ colour: described.name, hidden });
    this.showKey();
  }

  showKey() {
    const colourings = this.plates.map((plate) => plate.map?.colouring).filter(Boolean);
    legend(this.key, this.group, colourings);
    if (colourings[0] && !colourings[0].names) this.key.prepend(element("span", {}, this.described.title));
  }

  heard(keys) {
    if (!keys.includes("hover")) return;
    clearTimeout(this.asking);
    const id = this.group.hover;
    if (id < 0 || this.told.has(id)) return;
    this.asking = setTimeout(() => this.learn(id), 60);
  }

  /** Ask again for what is known of images: the server has computed more. */
  forget() {
    this.told.clear();
    this.images.forget();
    if (this.group.hover >= 0) this.learn(this.group.hover);
  }

  /** Ask for path and scores of the image under the pointer, and show them with it. */
  async learn(id) {
    const found = await this.images.details(id).catch(() => null);
    if (!found) return;
    const values = Object.entries(found.values).filter(([name, value]) => typeof value === "number" || name === "prediction");
    this.told.set(id, values.map(([name, value]) => `${this.titles.get(name) ?? name.replaceAll("_", " ")} ${plain(value)}`));
    for (const { map } of this.plates) {
      map?.tip.forget();
      if (map?.active && this.group.hover === id) map.drawOverlay();
    }
  }

  describe(id) {
    const { images } = this;
    return [images.category(id) || "no class", `${PARTS[images.part[id]]} image ${images.index[id]}`, ...(this.told.get(id) ?? [])];
  }

  /** The images that lie in a lasso of the address, "run/kind/corners". */
  enclosed(text) {
    const [run, kind, shape] = text.split("/");
    const plate = this.plates.find((one) => one.map && one.run.key === run && one.kind === kind);
    return plate && shape ? plate.map.enclosed(corners(shape, plate.map.frame.box)) : new Set();
  }
}

/** One map in its figure, with what to do where there is none yet. */
class Plate {
  constructor(maps, { run, kind, window }) {
    Object.assign(this, { maps, run, kind, window, size: "" });
    this.host = element("div", { className: "map" });
    this.caption = element("figcaption", {}, element("strong", {}, this.title));
    this.figure = element("figure", { dataset: { run: run.key, kind } }, this.caption, this.host);
  }

  get title() {
    return this.maps.plates.length > 1 || this.maps.second ? `${this.run.name} · ${KINDS[this.kind]}` : KINDS[this.kind];
  }

  address(split = this.maps.images.split) {
    return path(this.run.key, `map/${this.kind}`, { split, images: this.size });
  }

  async load() {
    this.caption.replaceChildren(element("strong", {}, this.title));
    this.host.replaceChildren(notice("Loading…"));
    try {
      let found = await kept(this.address());
      while (!found.columns) {
        if (this.maps.signal.aborted) return;
        if (found.state === "failed") throw new Refused(found.problem ?? "The map could not be computed.", 409);
        const share = found.done ? ` ${Math.round(100 * found.done)} %` : "";
        this.host.replaceChildren(notice(`Drawing ${KINDS[this.kind]}…${share}`, "This takes seconds to minutes; look at other pages meanwhile."));
        await pause(1000);
        found = await kept(this.address());
      }
      if (!this.maps.signal.aborted) await this.draw(found);
    } catch (error) {
      this.refuse(error);
    }
  }

  refuse(error) {
    if (!(error instanceof Refused)) throw error;
    const total = this.maps.images.count;
    const offer = error.status === 404 && total >= LEAST
      && button(`Draw it for ${number.format(Math.min(DRAWN, total))} images`, () => this.request(DRAWN));
    const says = offer ? "The server can draw it; that takes seconds to minutes." : error.message;
    this.host.replaceChildren(notice(`No ${KINDS[this.kind]} map yet`, says, offer));
  }

  /** Ask the server to compute this map for more images. */
  async request(count) {
    const { split } = this.maps.images;
    this.size = Math.min(count, this.maps.images.count);
    try {
      for (const part of split === "all" ? PARTS : [split]) await json(this.address(part), { method: "POST" });
      await this.load();
    } catch (error) {
      this.refuse(error);
    }
  }

  async draw({ count, columns }) {
    const { maps } = this;
    const { images, group } = maps;
    const { ids, xy } = joined(images, count, columns);
    this.colours = new Map();
    this.ids = ids;
    await this.colour();
    this.host.replaceChildren();
    this.map?.stop();
    this.map = new Scatter(this.host, group, { xy, ids, colours: this.colours }, {
      label: `${this.title}, ${number.format(ids.length)} images. Arrows walk from image to image, Enter opens, Space selects.`,
      picture: (id, side) => images.picture(id, side),
      describe: (i) => maps.describe(ids[i]),
      wheel: "always",
      open: maps.open,
      moved: () => maps.changed(),
      lassoed: (drawn) => maps.lassoed(this, drawn),
    });
    if (this.window) this.map.look(...this.window);
    this.furnish(ids.length);
    maps.showKey();
  }

  furnish(count) {
    const { map } = this;
    const total = this.maps.images.count;
    this.host.append(element("div", { className: "zoom" },
      button("+", () => map.zoom(1.5), "zoom in"), button("−", () => map.zoom(1 / 1.5), "zoom out"), button("⤢", () => map.fit(), "whole map")));
    const next = Math.min(MOST, total, 3 * count);
    const more = count < next && button("Draw more", () => this.request(next), `draw this map for ${number.format(next)} images`);
    const shown = count < total ? `${number.format(count)} of ${number.format(total)}` : number.format(count);
    this.caption.append(element("span", {}, `${shown} images`), more || "");
  }

  /** Take the values of the present column for the points of this map, as soon as its run has them. */
  async colour() {
    const { described, images, run, second, signal } = this.maps;
    if (!this.ids || !described.name || this.colours.has(described.name)) return;
    const other = this.run === second ? run : second;
    if (!(await ready(images.split, this.run, described.name, other))) {
      setTimeout(() => signal.aborted || this.maps.described !== described || this.recolour(), 1500);
      return;
    }
    const { values, ...rest } = await colouring(images, this.run, described, other);
    const kind = values.constructor;
    this.colours.set(described.name, { values: kind.from(this.ids, (id) => values[id]), ...rest });
  }

  async recolour() {
    await this.colour();
    this.map?.draw();
    this.maps.showKey();
  }

  /** The window that is shown, as text; "" for the whole map. */
  get shown() {
    const frame = this.map?.frame;
    if (!frame || Math.abs(frame.magnification - 1) < 0.001) return "";
    return [frame.x, frame.y, frame.magnification].map((value) => Number(value.toPrecision(4))).join(",");
  }
}

/** The points of a map, each with the row of its image; those that the images lack are left out. */
function joined(images, count, { part, index, x, y }) {
  const ids = new Int32Array(count);
  const xy = new Float32Array(2 * count);
  let found = 0;
  for (let row = 0; row < count; row++) {
    const id = images.id(part[row], index[row]);
    if (id < 0) continue;
    ids[found] = id;
    xy[2 * found] = x[row];
    xy[2 * found + 1] = y[row];
    found++;
  }
  return { ids: ids.subarray(0, found), xy: xy.subarray(0, 2 * found) };
}

// Panel: beside the maps, the open image with its neighbours, or the selected images, or how to begin.

import { keep, link } from "./address.js";
import { json, path, send } from "./api.js";
import { button, element, notice, say } from "./elements.js";
import { PARTS } from "./images.js";
import { detail } from "./detail.js";
import { lists, rings } from "./lists.js";
import { bySplit, counted, exports } from "./selection.js";
import { sheet } from "./tiles.js";

const TILES = 60; // pictures of a selection
const K = 12;

export class Panel {
  constructor(page, place) {
    Object.assign(this, { page, place, image: -1 });
    this.opened = element("div", {});
    this.chosen = element("div", {});
    this.begin = element("div", { className: "begin" },
      element("h2", {}, "Look around"),
      element("p", {}, "Point at a mark to see its image. Click one to see what the run finds most and least like it."),
      element("p", {}, "Press ", element("strong", {}, "Lasso"), ", or hold Shift and drag, to select images; then average or export them."),
      element("p", {}, element("a", { href: link("neighbours", this.context()) }, "Search with an image of your own")));
    place.append(this.begin, this.opened, this.chosen);
    addEventListener("keydown", (event) => this.escape(event), { signal: page.signal, capture: true });
  }

  context() {
    const { run, second, split } = this.page;
    return { run: run.key, second: second?.key, split };
  }

  /** Show image `id` and its neighbours; -1: none. */
  async open(id, asked = false) {
    const { images, run, second, group, signal } = this.page;
    this.image = id;
    if (asked) keep({ image: images.name(id) });
    this.begin.hidden = id >= 0 || group.selected.size > 0;
    group.set({ rings: rings(images, id, null, accent()) });
    if (id < 0) return this.opened.replaceChildren();
    const place = element("div", { className: "found" }, notice("Looking…"));
    const wide = link("neighbours", { ...this.context(), split: PARTS[images.part[id]], image: images.name(id) });
    this.opened.replaceChildren(detail(images, id, this.page.titles,
      element("a", { className: "button", href: wide }, "Wide view"),
      button("Select", () => group.toggle(id), "select or unselect this image"),
      button("Close", () => this.close(), "close (Escape)")), place);
    if (asked && matchMedia("(max-width: 900px)").matches) this.opened.scrollIntoView({ behavior: "smooth", block: "start" });
    const split = PARTS[images.part[id]];
    const settings = { split, index: images.index[id], k: K, second: second?.key };
    const answer = json(path(run.key, "neighbours", settings), { signal });
    const found = await this.fill(place, answer, images.label[id], () => this.image === id);
    if (!found) return undefined;
    group.set({ rings: rings(images, id, found, accent()) });
    if (asked) say(`${images.describe(id)}: ${found.runs[0].nearest.length} nearest shown`);
    return undefined;
  }

  /** Show an answer as lists, if it is still asked for. */
  async fill(place, asked, label, current) {
    try {
      const answer = await asked;
      if (!current()) return null;
      place.replaceChildren(lists(answer, this.page.runs, { label, open: (split, index) => this.visit(split, index) }));
      return answer;
    } catch (error) {
      if (error.name !== "AbortError" && current()) place.replaceChildren(notice("No neighbours", error.message));
      return null;
    }
  }

  /** Go on to a neighbour, if it is on this split's maps; else to its own page. */
  visit(split, index) {
    const id = this.page.images.id(PARTS.indexOf(split), index);
    if (id >= 0) this.open(id, true);
    else location.hash = link("neighbours", { ...this.context(), image: `${split}:${index}` });
  }

  /** Escape closes the open image first; the selection is the map's to clear. */
  escape(event) {
    if (event.key !== "Escape" || this.image < 0 || document.querySelector("dialog")) return;
    event.stopPropagation();
    this.close();
  }

  close() {
    this.open(-1, true);
  }

  /** How many images of which class are selected, what can be done with them, and their pictures. */
  showSelection() {
    const { group, images, run, state } = this.page;
    const ids = [...group.selected];
    this.begin.hidden = this.image >= 0 || ids.length > 0;
    if (!ids.length) return this.chosen.replaceChildren();
    const found = element("div", { className: "found" });
    const tiles = ids.slice(0, TILES).map((id) => ({ id, picture: images.picture(id, 64) }));
    this.chosen.replaceChildren(element("article", { className: "selection" },
      element("h2", {}, `${ids.length} selected`),
      element("p", { className: "hint" }, counted(images, ids)),
      element("div", { className: "actions" },
        button("Neighbours of the mean", () => this.mean(found)), exports(run, images, group.selected),
        button("Clear", () => group.set({ selected: new Set() }), "clear the selection (Escape)")),
      found,
      sheet("Selected images", tiles, { open: ({ id }) => this.open(id, true), walk: ({ id }) => group.set({ hover: id }) }),
      ids.length > TILES && element("p", { className: "hint" }, `The first ${TILES} are shown.`)));
    if (state.mean) this.mean(found);
    return undefined;
  }

  async mean(place) {
    const { group, images, run, second } = this.page;
    const chosen = group.selected;
    keep({ mean: "1" });
    this.page.state.mean = "1";
    const parts = bySplit(images, chosen);
    if (parts.length > 1)
      return place.replaceChildren(notice("Two splits at once", "A mean is taken within one split: choose train or test above."));
    const [[split, index]] = parts;
    place.replaceChildren(notice("Looking…"));
    const answer = send(path(run.key, "mean", { k: K, second: second?.key }), { split, index });
    return this.fill(place, answer, -1, () => group.selected === chosen);
  }
}

/** The accent of the page in light or dark. */
function accent() {
  return getComputedStyle(document.documentElement).getPropertyValue("--ring").trim() || "#d55e00";
}

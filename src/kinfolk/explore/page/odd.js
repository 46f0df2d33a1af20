// Page "odd": anomalies, hubs, near-duplicates and entangled classes, as sheets to walk through and to select from.

import { keep, link } from "./address.js";
import { json, path, pause } from "./api.js";
import { titled } from "./columns.js";
import { detail } from "./detail.js";
import { button, chips, element, menu, notice } from "./elements.js";
import { Images, PARTS, plain } from "./images.js";
import { counted, exports, selected, written } from "./selection.js";
import { sheet } from "./tiles.js";

const KINDS = { anomalies: "Anomalies", hubs: "Hubs", duplicates: "Near-duplicates", confusions: "Entangled classes" };
const COUNTS = { anomalies: 100, hubs: 100, duplicates: 20, confusions: 10 };
const ENDS = [["nearest", "among the nearest of many"], ["farthest", "among the farthest of many"]];

export async function show(place, context) {
  if (context.run.problem) return place.append(notice("No odd ones of this run yet", context.run.problem));
  const images = await Images.open(context.run, context.split);
  return new OddPage(place, context, images).start();
}

class OddPage {
  constructor(place, context, images) {
    Object.assign(this, { ...context, images });
    this.kind = this.state.kind in KINDS ? this.state.kind : "anomalies";
    this.end = this.state.end === "farthest" ? "farthest" : "nearest";
    this.chosen = selected(images, this.state.select);
    this.sheets = [];
    this.says = element("p", { className: "says" });
    this.groups = element("div", { className: "groups" });
    const hint = "Walk through the pictures with the arrow keys; Space selects.";
    this.side = element("aside", { className: "panel", ariaLabel: "Image" }, element("p", { className: "hint" }, hint));
    this.bar = element("div", { className: "bar", role: "region", ariaLabel: "Selected images" });
    const work = element("div", { className: "workspace" }, this.groups, this.side);
    place.append(element("h1", { className: "unseen" }, "Odd ones"), this.tools(), this.says, work, this.bar);
    this.showBar();
  }

  link(page, state) {
    return link(page, { run: this.run.key, second: this.second?.key, split: this.split, ...state });
  }

  tools() {
    const to = (changes) => (location.hash = this.link("odd", { kind: this.kind, select: written(this.images, this.chosen), ...changes }));
    return element("div", { className: "tools" }, chips("Kind", Object.entries(KINDS), [this.kind], (kind) => to({ kind })),
      this.kind === "hubs" && menu("Images", ENDS, this.end, (end) => to({ end })));
  }

  async start() {
    this.titles = titled(this.run, this.split);
    await this.load(0);
    const wanted = this.images.named(this.state.image);
    const at = this.sheets.flatMap(({ tiles }) => tiles).find(({ id }) => id === wanted);
    if (at) this.walk(at);
  }

  async load(offset) {
    const settings = { split: this.split, count: COUNTS[this.kind], offset, end: this.kind === "hubs" ? this.end : "" };
    for (;;) {
      const found = await json(path(this.run.key, `odd/${this.kind}`, settings));
      if (this.signal.aborted) return;
      if (found.state === "ready") return this.add(found, offset);
      if (found.state === "failed") return this.groups.replaceChildren(notice("Nothing to show", found.problem ?? ""));
      const share = found.done ? ` ${Math.round(100 * found.done)} %` : "";
      this.groups.replaceChildren(notice(`Scores are being computed…${share}`, "They appear here by themselves; the map can be used meanwhile."));
      document.documentElement.dataset.ready = location.hash;
      await pause(1000);
      if (this.signal.aborted) return;
    }
  }

  add({ says, groups, total }, offset) {
    this.says.textContent = says ?? "";
    if (!offset) this.groups.replaceChildren();
    this.more?.remove();
    for (const group of groups) this.groups.append(this.group(group));
    if (!offset && !groups.some(({ images }) => images.length))
      this.groups.replaceChildren(notice("None found", "Nothing of this kind stands out in this split."));
    const seen = offset + (groups.length === 1 && COUNTS[this.kind] === 100 ? groups[0].images.length : groups.length);
    this.more = total > seen && groups.length ? button(`Show more (${seen} of ${total})`, () => this.load(seen)) : null;
    if (this.more) this.groups.append(this.more);
  }

  group({ title, score, images }) {
    const tiles = images.map((one) => ({ ...one, id: this.images.id(PARTS.indexOf(this.split), one.index) }))
      .filter(({ id }) => id >= 0).map(({ id, score: value }) => ({
        id, picture: this.images.picture(id, 96), lines: [value === null ? "" : plain(value), this.images.category(id)],
      }));
    const walk = (tile) => this.walk(tile);
    const toggle = ({ id }) => this.toggle([id], !this.chosen.has(id));
    const place = sheet(title, tiles, { open: walk, walk, toggle, chosen: ({ id }) => this.chosen.has(id) });
    this.sheets.push({ tiles, place });
    const ids = tiles.map(({ id }) => id);
    return element("section", { className: "group" },
      element("h2", {}, title, Number.isFinite(score) && element("span", { className: "hint" }, ` ${plain(score)}`)),
      element("div", { className: "actions" }, button("Select all", () => this.toggle(ids, true)),
        this.kind === "duplicates" && button("All but the first", () => [this.toggle(ids, false), this.toggle(ids.slice(1), true)])),
      place);
  }

  toggle(ids, on) {
    for (const id of ids) if (on) this.chosen.add(id); else this.chosen.delete(id);
    keep({ select: written(this.images, this.chosen) });
    for (const { place } of this.sheets) place.refresh();
    this.showBar();
  }

  showBar() {
    const count = this.chosen.size;
    this.bar.hidden = !count;
    if (!count) return this.bar.replaceChildren();
    const map = this.link("map", { select: written(this.images, this.chosen) });
    return this.bar.replaceChildren(
      element("strong", {}, `${count} selected`), element("span", { className: "hint" }, counted(this.images, this.chosen)),
      ...exports(this.run, this.images, this.chosen), element("a", { className: "button", href: map }, "On the map"),
      button("Clear", () => this.toggle([...this.chosen], false), "clear the selection"));
  }

  walk({ id }) {
    clearTimeout(this.walking);
    this.walking = setTimeout(() => {
      const image = this.images.name(id);
      keep({ image });
      const neighbours = element("a", { className: "button", href: this.link("neighbours", { image }) }, "Neighbours");
      this.side.replaceChildren(detail(this.images, id, this.titles, neighbours));
    }, 60);
  }
}

// Page "compare": two runs side by side: scores, linked maps, and the images whose neighbours changed most.

import { Group } from "../shared/group.js";
import { keep, link } from "./address.js";
import { json, path, pause } from "./api.js";
import { chips, element, notice } from "./elements.js";
import { Images, PARTS, className, describe, picture } from "./images.js";
import { lists } from "./lists.js";
import { OVERLAP, alike } from "./map.js";
import { KINDS, Maps } from "./maps.js";
import { interval, title, value } from "./scores.js";
import { sheet } from "./tiles.js";

const K = 10;
const COUNT = 60;

export async function show(place, context) {
  const { run, second, runs } = context;
  place.append(element("h1", { className: "unseen" }, "Compare"));
  if (runs.length < 2) return place.append(notice("One run is open", "Start the explorer with two: kinfolk explore runs/first runs/second."));
  if (!second) return place.append(offer(run, runs.filter(({ key }) => key !== run.key), context.split));
  return new ComparePage(place, context).start();
}

function offer(run, others, split) {
  const to = (key) => link("compare", { run: run.key, second: key, split });
  const links = others.map(({ key, name }) => element("a", { className: "button", href: to(key) }, name));
  return notice("Choose a second run", `Which one should stand beside ${run.name}?`, element("p", { className: "actions" }, links));
}

class ComparePage {
  constructor(place, context) {
    Object.assign(this, context);
    this.scores = element("section", { ariaLabel: "Scores" });
    this.stage = element("section", { ariaLabel: "Maps" });
    this.changes = element("section", { ariaLabel: "Images whose neighbours changed" }, notice("Comparing…"));
    this.found = element("div", { className: "found" });
    place.append(this.scores, this.stage, this.changes);
  }

  start() {
    const drawn = this.draw();
    this.follow(drawn);
    return drawn;
  }

  /** Show what is compared as soon as the server has it; the page can be used before. */
  async follow(drawn) {
    try {
      await this.compare();
      await drawn;
      if (!this.signal.aborted) await this.maps?.colour(OVERLAP);
    } catch (error) {
      if (!this.signal.aborted) this.changes.replaceChildren(notice("Neighbours cannot be compared", error.message));
    }
  }

  async compare() {
    for (;;) {
      const query = new URLSearchParams({ one: this.run.key, two: this.second.key, split: this.split, k: K, count: COUNT });
      const found = await json(`/api/compare?${query}`, { signal: this.signal });
      if (this.signal.aborted) return;
      this.showScores(found);
      if (found.problem) return this.changes.replaceChildren(notice("Neighbours cannot be compared", found.problem));
      if (found.state === "ready") return this.showChanges(found);
      this.changes.replaceChildren(notice(`Neighbours are being compared… ${Math.round(100 * (found.done ?? 0))} %`));
      await pause(1000);
      if (this.signal.aborted) return;
    }
  }

  showScores({ scores }) {
    const both = scores.filter(({ one, two }) => one && two);
    if (!both.length) return this.scores.replaceChildren(element("p", { className: "says" }, "No score that both have: measure both with kinfolk evaluate."));
    const header = ["score", this.run.name, this.second.name, "difference"].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", {}, element("thead", {}, element("tr", {}, header)), element("tbody", {}, both.map(row)));
    return this.scores.replaceChildren(element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Scores of both runs" }, table));
  }

  showChanges({ overlap, images, k, changed }) {
    const { run, split } = this;
    const tiles = changed.map(({ index, label, overlap: share }) => ({
      index, label, picture: picture(run, split, index, 96, describe(run, split, index, label)),
      lines: [`${Math.round(share * k)} of ${k}`, className(run, label)],
    }));
    const walk = ({ index }) => this.group?.set({ hover: this.images.id(PARTS.indexOf(split), index) });
    const mean = `Of the ${k} nearest of an image, ${Math.round(100 * overlap)} % are the same in both runs, on average over `
      + `${images.toLocaleString("en")} images. Below each picture: how many of its ${k} both share.`;
    this.changes.replaceChildren(element("h2", {}, "Whose neighbours changed most"), element("p", { className: "says" }, mean),
      sheet("Images whose neighbours changed most", tiles, { open: (tile) => this.look(tile), walk }), this.found);
    const at = tiles.find(({ index }) => `${this.split}:${index}` === this.state.image);
    if (at) return this.look(at);
    return undefined;
  }

  /** The neighbours of one image in both runs. */
  async look({ index, label }) {
    keep({ image: `${this.split}:${index}` });
    this.found.replaceChildren(notice("Looking…"));
    try {
      const { run, second, split, signal } = this;
      const answer = await json(path(run.key, "neighbours", { split, index, k: K, second: second.key }), { signal });
      const to = (role, other) => link("neighbours", { run: run.key, second: second.key, split: role, image: `${role}:${other}` });
      const open = (role, other) => (location.hash = to(role, other));
      this.found.replaceChildren(element("h2", {}, describe(run, split, index, label)), lists(answer, this.runs, { label, open }));
      this.found.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error) {
      if (error.name !== "AbortError") this.found.replaceChildren(notice("No neighbours", error.message));
    }
  }

  /** The maps of both, linked, coloured by how much of the neighbours they share. */
  async draw() {
    const { run, second, signal } = this;
    if (run.problem || second.problem || !alike(run, second)) return;
    this.images = await Images.open(run, this.split);
    this.group = new Group();
    const group = this.group;
    const maps = new Maps(group, {
      images: this.images, run, second, signal, changed: () => {}, lassoed: () => {},
      open: (id) => this.look({ index: this.images.index[id], label: this.images.label[id] }),
    });
    const kinds = chips("Maps", Object.entries(KINDS), [this.kind()], (kind) => {
      this.state.maps = kind;
      keep({ maps: kind });
      for (const chip of kinds.children) chip.setAttribute("aria-pressed", chip.dataset.key === kind);
      maps.show(this.wanted());
    });
    this.stage.replaceChildren(element("h2", {}, "Maps"), element("div", { className: "tools" }, kinds), maps.place, maps.key);
    this.maps = maps;
    await maps.show(this.wanted());
    await maps.colour({ name: this.images.labelled ? "class" : "" });
  }

  kind() {
    if (this.state.maps in KINDS) return this.state.maps;
    const there = ({ maps }) => maps.some(({ kind, split }) => kind === "tsne" && split === this.split);
    return there(this.run) && there(this.second) ? "tsne" : "pca";
  }

  wanted() {
    return [this.run, this.second].map((run) => ({ run, kind: this.kind() }));
  }
}

function row(score) {
  const { one, two, unit, higher_is_better: higher } = score;
  const difference = two.value - one.value;
  const known = [one.low, one.high, two.low, two.high].every((end) => end !== null);
  const apart = known && (one.low > two.high || two.low > one.high);
  const better = higher === null || !difference || !apart ? "" : difference > 0 === higher ? "better" : "worse";
  const sign = difference > 0 ? "+" : "−";
  const cell = (found) => element("td", {}, value(found.value, unit), " ", element("small", {}, interval(found, unit)));
  const change = difference ? `${sign}${value(Math.abs(difference), unit).replace("%", "points")}` : "0";
  return element("tr", {}, element("th", { scope: "row" }, title(score)), cell(one), cell(two),
    element("td", { className: better }, change, " ", element("small", {}, apart ? better : known ? "within the intervals" : "no interval")));
}

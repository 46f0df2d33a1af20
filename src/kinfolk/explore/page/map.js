// Page "map": points to look at, colour, filter and select, with what is open or selected beside them.

import { Group } from "../shared/group.js";
import { keep } from "./address.js";
import { json, path } from "./api.js";
import { titles, watch } from "./columns.js";
import { button, chips, element, menu, notice, say } from "./elements.js";
import { Images } from "./images.js";
import { KINDS, Maps } from "./maps.js";
import { Panel } from "./panel.js";
import { drawn, selected, written } from "./selection.js";

const PLAIN = { name: "", title: "one colour", ready: true };
const CLASS = { name: "class", title: "Class", ready: true };
export const OVERLAP = { name: "overlap", title: "Shared neighbours", names: null, low: 0, high: 1 };
const SPLIT = { name: "split", title: "Split", ready: true };

export async function show(place, context) {
  const { run, others, split, signal } = context;
  if (run.problem) return place.append(notice("No map of this run yet", run.problem));
  const images = await Images.open(run, split);
  if (!images.count) return place.append(notice("No images in this split", "Choose another split above."));
  const page = new MapPage(place, context, images);
  const strange = others.filter((other) => !alike(run, other)).map(({ name }) => name);
  const why = `${strange.join(", ")}: measured on other images, so not drawn beside ${run.name}.`;
  if (strange.length) page.tell.append(notice("Other data", why));
  return page.start(signal);
}

/** Whether two runs can share points: the same data. */
export function alike(run, second) {
  const sizes = ({ splits }) => splits.map(({ split, images }) => `${split} ${images}`).join();
  return run.data === second.data && sizes(run) === sizes(second);
}

class MapPage {
  constructor(place, context, images) {
    Object.assign(this, { ...context, images });
    this.fixed = images.split === "all" ? [PLAIN, SPLIT] : [PLAIN];
    this.described = images.labelled ? [CLASS] : [];
    this.group = new Group();
    this.titles = new Promise((named) => (this.named = named));
    this.tell = element("div", { className: "tell" });
    this.tools = element("div", { className: "tools" });
    this.maps = new Maps(this.group, {
      images, run: this.run, second: this.second, signal: this.signal,
      open: (id) => this.panel.open(id, true), changed: () => this.moved(),
      lassoed: (plate, drawing) => this.lassoed(plate, drawing),
    });
    this.panel = new Panel(this, element("aside", { className: "panel", ariaLabel: "Image and selection" }));
    const stage = element("section", { className: "stage", ariaLabel: "Maps" }, this.tools, this.tell, this.maps.place, this.maps.key);
    const work = element("div", { className: "workspace" }, stage, this.panel.place);
    place.append(element("h1", { className: "unseen" }, "Map"), work);
    this.group.addEventListener("change", ({ detail }) => this.heard(detail), { signal: this.signal });
  }

  /** Which maps are shown: those of the address, else the best known one of this run. */
  kinds() {
    const asked = (this.state.maps ?? "").split(",").filter((kind) => kind in KINDS);
    if (asked.length) return asked;
    return this.run.maps.some(({ kind, split }) => kind === "tsne" && split === this.split) ? ["tsne"] : ["pca"];
  }

  wanted() {
    const windows = (this.state.window ?? "").split("~");
    const runs = [this.run, ...this.others.filter((other) => alike(this.run, other))];
    return runs.flatMap((run) => this.kinds().map((kind) => ({ run, kind }))).map((one, k) => {
      const window = (windows[k] || "").split(",").map(Number);
      return { ...one, window: window.length === 3 && window.every(Number.isFinite) ? window : null };
    });
  }

  async start(signal) {
    const hide = new Set((this.state.hide ?? "").split(",").filter(Boolean).map(Number));
    this.showTools();
    const loading = this.maps.show(this.wanted());
    const filtered = this.filter();
    const first = [...this.fixed, ...this.described].find(({ name }) => name === (this.state.colour ?? "class"));
    const coloured = this.maps.colour(first ?? this.described[0] ?? PLAIN, first ? hide : new Set());
    watch(this.run, this.split, (found) => this.learn(found, hide), signal).catch(() => this.named(new Map()));
    await Promise.all([loading, filtered, coloured]);
    if (signal.aborted) return;
    this.restore();
    await this.panel.open(this.images.named(this.state.image));
  }

  /** The selection of the address. */
  restore() {
    const { lasso, select } = this.state;
    const found = lasso ? this.maps.enclosed(lasso) : selected(this.images, select);
    this.restoring = true;
    if (found.size) this.group.set({ selected: found });
    this.restoring = false;
  }

  /** The server knows more columns. */
  learn({ columns, state, done, problem }, hide) {
    this.described = columns.filter(({ name }) => name !== "class" || this.images.labelled);
    const waiting = state === "computing" || state === "waiting";
    this.progress = waiting ? `scores are being computed, ${Math.round(100 * (done ?? 0))} %` : problem ?? "";
    this.maps.titles = titles(columns);
    this.named(this.maps.titles);
    if (this.second) this.described.push({ ...OVERLAP, ready: state === "ready" });
    const wanted = this.state.colour ?? (this.images.labelled ? "class" : "cluster");
    const found = this.described.find(({ name }) => name === wanted);
    if (found?.ready && this.maps.described.name !== wanted) this.maps.colour(found, hide);
    if (state === "ready") this.maps.forget();
    const offered = JSON.stringify(this.described);
    if (offered === this.offered) this.count();
    else this.showTools();
    this.offered = offered;
  }

  showTools() {
    const used = this.tools.contains(document.activeElement) && document.activeElement.ariaLabel;
    const colours = [...this.fixed, ...this.described];
    const classes = [["", "all classes"], ...this.images.classes.map((name, k) => [String(k), name])];
    const text = ({ title, ready }) => (ready ? title : `${title} (on its way)`);
    this.tools.replaceChildren(
      chips("Maps", Object.entries(KINDS), this.kinds(), (kind) => this.choose(kind)),
      menu("Colour", colours.map((one) => [one.name, text(one), !one.ready]), this.maps.described.name, (name) => this.recolour(name)),
      this.images.labelled ? menu("Show", classes, this.state.class ?? "", (value) => this.put({ class: value })) : "",
      this.searchBox(),
      this.lassoButton(),
      element("p", { className: "hint counted", role: "status" }, this.progress ?? ""),
    );
    if (used) this.tools.querySelector(`[aria-label="${used}"]`)?.focus();
    this.count();
  }

  searchBox() {
    this.search ??= element("input", {
      type: "search", placeholder: "path or class", value: this.state.text ?? "", title: "show only images with this text",
      ariaLabel: "Find in path or class",
      oninput: () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.put({ text: this.search.value.trim() }), 250);
      },
    });
    return this.search;
  }

  lassoButton() {
    const says = "draw around points to select them (or drag with Shift)";
    this.lasso ??= button("Lasso", () => this.group.set({ lasso: !this.group.lasso }), says);
    this.lasso.setAttribute("aria-pressed", this.group.lasso);
    return this.lasso;
  }

  /** A filter changed. */
  put(changes) {
    Object.assign(this.state, changes);
    keep(changes);
    this.filter();
  }

  async filter() {
    const { text, class: only } = this.state;
    const { images } = this;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    let kept = null;
    if (text) {
      const { columns } = await json(path(this.run.key, "find", { split: this.split, text }));
      if (turn !== this.turn) return;
      kept = new Set(columns.index.map((index, row) => images.id(columns.part[row], index)));
    }
    if (only) kept = new Set([...(kept ?? images.label.keys())].filter((id) => images.label[id] === Number(only)));
    this.group.set({ kept });
    this.count();
  }

  count() {
    const { kept } = this.group;
    const shown = kept ? `${kept.size} of ${this.images.count} images shown` : "";
    const place = this.tools.querySelector(".counted");
    if (place) place.textContent = [shown, this.progress].filter(Boolean).join(" · ");
  }

  async recolour(name) {
    const found = [...this.fixed, ...this.described].find((one) => one.name === name);
    this.state.colour = name;
    this.state.hide = "";
    keep({ colour: name || "none", hide: "" });
    await this.maps.colour(found);
  }

  async choose(kind) {
    const kinds = this.kinds();
    const chosen = Object.keys(KINDS).filter((one) => (one === kind) !== kinds.includes(one));
    this.state.maps = (chosen.length ? chosen : [kind]).join(",");
    this.state.window = "";
    keep({ maps: this.state.maps, window: "" });
    this.showTools();
    this.tools.querySelector(`[data-key="${kind}"]`).focus();
    await this.maps.show(this.wanted());
    this.maps.showKey();
  }

  heard(keys) {
    if (keys.includes("lasso")) this.lassoButton();
    if (keys.includes("hidden")) keep({ hide: [...this.group.hidden].join(",") });
    if (!keys.includes("selected")) return;
    if (!this.restoring) {
      this.state.mean = "";
      keep({ select: written(this.images, this.group.selected), lasso: "", mean: "" });
    }
    this.panel.showSelection();
  }

  lassoed(plate, drawing) {
    const lasso = `${plate.run.key}/${plate.kind}/${drawn(drawing, plate.map.frame.box)}`;
    keep({ lasso, select: "" });
    this.group.set({ lasso: false });
    say(`${this.group.selected.size} images selected`);
  }

  moved() {
    clearTimeout(this.moving);
    this.moving = setTimeout(() => {
      if (this.signal.aborted) return;
      const windows = this.maps.plates.map((plate) => plate.shown);
      keep({ window: windows.some(Boolean) ? windows.join("~") : "" });
    }, 200);
  }
}

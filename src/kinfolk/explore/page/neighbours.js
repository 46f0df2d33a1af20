// Page "neighbours": what one image, or one of the reader's own, is like and unlike, in one or two runs.

import { keep, link } from "./address.js";
import { json, path } from "./api.js";
import { titled } from "./columns.js";
import { detail } from "./detail.js";
import { button, element, menu, notice } from "./elements.js";
import { Images, PARTS } from "./images.js";
import { lists } from "./lists.js";
import { sheet } from "./tiles.js";

const SUGGESTED = 36;
const LENGTHS = ["6", "12", "24", "48"];

export async function show(place, context) {
  if (context.run.problem) return place.append(notice("No neighbours in this run yet", context.run.problem));
  const images = await Images.open(context.run, context.state.image?.split(":")[0] || context.split);
  const page = new NeighboursPage(place, context, images);
  return page.start();
}

class NeighboursPage {
  constructor(place, context, images) {
    Object.assign(this, { ...context, images });
    this.query = element("div", { className: "query" });
    this.found = element("div", { className: "found" });
    const side = element("div", { className: "side" }, this.query, this.drop());
    place.append(element("h1", { className: "unseen" }, "Neighbours"), this.tools(), element("div", { className: "asked" }, side, this.found));
    this.listen(place);
  }

  get bank() {
    return this.state.bank || this.images.split;
  }

  tools() {
    const banks = this.run.splits.map(({ split, images }) => [split, `${split} (${images.toLocaleString("en")})`]);
    const { split, index, count } = this.images;
    const named = element("input", { type: "number", min: 0, value: this.state.image?.split(":")[1] ?? "", placeholder: "number" });
    const form = element("form", { className: "tools" },
      element("label", {}, `${split} image `, named), element("button", { textContent: "Show" }),
      button("Any", () => this.visit(split, index[Math.floor(Math.random() * count)]), "show a random image"),
      menu("Among", banks, this.bank, (bank) => this.put({ bank })),
      menu("How many", LENGTHS.map((k) => [k, k]), this.state.k || "12", (k) => this.put({ k })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (named.value !== "") this.visit(split, Number(named.value));
    });
    return form;
  }

  /** Where an image of the reader's own is dropped or chosen. */
  drop() {
    if (!this.run.can_search) return element("p", { className: "hint" }, "No search with images of your own: this run has no encoder at hand.");
    const file = element("input", { type: "file", accept: "image/*", id: "upload" });
    file.addEventListener("change", () => file.files[0] && this.upload(file.files[0]));
    return element("label", { className: "drop" }, element("strong", {}, "Search with an image of your own"),
      element("span", { className: "hint" }, "Choose a file, drop it here or paste it. It goes to your own server only and is not kept."), file);
  }

  listen(place) {
    const { signal } = this;
    const take = (items) => [...(items ?? [])].find((file) => file.type.startsWith("image/"));
    place.addEventListener("dragover", (event) => event.preventDefault(), { signal });
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = take(event.dataTransfer.files);
      if (file) this.upload(file);
    }, { signal });
    addEventListener("paste", (event) => {
      const file = take(event.clipboardData?.files);
      if (file) this.upload(file);
    }, { signal });
  }

  async start() {
    const { image } = this.state;
    if (!image) return this.suggest();
    const id = this.images.named(image);
    const { images, run, signal } = this;
    if (id < 0) return this.found.append(notice(`No image ${image.split(":")[1]} in ${images.split}`, "Type another number above, or press Any."));
    const map = element("a", { className: "button", href: link("map", { ...this.context(), image }) }, "On the map");
    this.query.replaceChildren(detail(images, id, titled(run, images.split), map));
    const query = { split: images.split, index: images.index[id] };
    return this.ask(images.label[id], () => json(path(run.key, "neighbours", { ...query, ...this.settings() }), { signal }));
  }

  context() {
    return { run: this.run.key, second: this.second?.key, split: this.images.split };
  }

  settings() {
    return { k: this.state.k || 12, bank: this.bank, second: this.second?.key };
  }

  put(changes) {
    Object.assign(this.state, changes);
    keep(changes);
    this.again?.();
  }

  async upload(file) {
    const address = URL.createObjectURL(file);
    this.signal.addEventListener("abort", () => URL.revokeObjectURL(address));
    const shown = element("img", { className: "picture", src: address, alt: `your image ${file.name}` });
    keep({ image: "" });
    const words = element("div", {}, element("h2", {}, "Your image"), element("p", { className: "origin" }, file.name));
    this.query.replaceChildren(element("article", { className: "detail" }, shown, words));
    const options = { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file, signal: this.signal };
    await this.ask(-1, () => json(path(this.run.key, "search", this.settings()), options));
  }

  /** Ask, show, and be able to ask the same again with other settings. */
  async ask(label, asked) {
    this.again = () => this.ask(label, asked);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.found.replaceChildren(notice("Looking…"));
    try {
      const answer = await asked();
      const open = (split, index) => this.visit(split, index);
      if (turn === this.turn) this.found.replaceChildren(lists(answer, this.runs, { label, open }));
    } catch (error) {
      if (turn === this.turn && error.name !== "AbortError") this.found.replaceChildren(notice("No neighbours to show", error.message));
    }
  }

  visit(split, index) {
    location.hash = link("neighbours", { ...this.context(), bank: this.state.bank, k: this.state.k, image: `${split}:${index}` });
  }

  /** Some images to start from. */
  suggest() {
    const { images } = this;
    const step = Math.max(1, Math.floor(images.count / SUGGESTED));
    const tiles = Array.from({ length: Math.min(SUGGESTED, images.count) }, (_, k) => k * step)
      .map((id) => ({ id, picture: images.picture(id, 96), lines: [images.category(id)] }));
    if (!tiles.length) return this.found.append(notice("No images in this split", "Choose another split above."));
    return this.found.append(element("p", { className: "hint" }, "Choose an image to start from."),
      sheet("Images to start from", tiles, { open: ({ id }) => this.visit(PARTS[images.part[id]], images.index[id]) }));
  }
}

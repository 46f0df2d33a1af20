// Page: brings a report to life: thumbnails, maps with their legends, and curves by Plotly.

import { atlas } from "./atlas.js";
import { enlarge } from "./marks.js";
import { drawPlots } from "./plots.js";

const payload = JSON.parse(document.getElementById("payload").textContent);

/** A typed array from base64: "f4:", "i4:" or "u2:" says of which numbers. */
function unpack(text) {
  const bytes = Uint8Array.from(atob(text.slice(3)), (letter) => letter.charCodeAt(0));
  const kinds = { f4: Float32Array, i4: Int32Array, u2: Uint16Array };
  return new kinds[text.slice(0, 2)](bytes.buffer);
}

const arrays = payload.arrays.map(unpack);

/** Places from 16-bit numbers in a frame; 65,535 stands for a place that is not known. */
function placed(values, { x, y, step }) {
  return Float32Array.from(values, (value, k) => (value === 65535 ? NaN : (k % 2 ? y : x) + step * value));
}

const album = {
  set: unpack(payload.images.set),
  position: unpack(payload.images.position),
  label: unpack(payload.images.label),
  cell: unpack(payload.images.cell),
  sheet: null,

  /** Where image `id` lies on the sprite sheet, or null where it has no picture. */
  thumbnail(id) {
    if (!this.sheet || this.cell[id] < 0) return null;
    const { width, height, columns } = payload.sheet;
    const [x, y] = [(this.cell[id] % columns) * width, Math.floor(this.cell[id] / columns) * height];
    return { source: this.sheet, x, y, width, height };
  },

  category(id) {
    return this.label[id] < 0 ? "" : payload.sets[this.set[id]].classes[this.label[id]] ?? `class ${this.label[id]}`;
  },

  describe(id) {
    const lines = [`${payload.sets[this.set[id]].name}, image ${this.position[id]}`];
    return this.category(id) ? [this.category(id), ...lines] : lines;
  },
};

async function loadSheet() {
  if (!payload.sheet) return;
  const image = new Image();
  image.src = payload.sheet.uri;
  await image.decode();
  album.sheet = image;
}

function paintThumbnails() {
  for (const canvas of document.querySelectorAll("canvas[data-image]")) {
    canvas.title = canvas.getAttribute("aria-label");
    const picture = album.thumbnail(Number(canvas.dataset.image));
    if (!picture) continue;
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d").drawImage(enlarge(picture, picture.width), 0, 0);
  }
}

const maps = payload.maps.map(({ xy, frame, ids, colours, label }) => ({
  xy: placed(arrays[xy], frame),
  ids: arrays[ids],
  label,
  colours: new Map(Object.entries(colours).map(([name, colouring]) => [name, { ...colouring, values: arrays[colouring.values] }])),
}));

function unfoldForPrint() {
  const folded = document.querySelectorAll("main > section > details:not([open])");
  addEventListener("beforeprint", () => folded.forEach((place) => (place.open = true)));
  addEventListener("afterprint", () => folded.forEach((place) => (place.open = false)));
}

unfoldForPrint();
await loadSheet();
paintThumbnails();
for (const host of document.querySelectorAll(".atlas")) atlas(host, maps, album);
await drawPlots(payload.plots);
document.documentElement.dataset.ready = "yes";

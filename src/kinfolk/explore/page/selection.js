// Selection: the selected images in the address, counted, and exported for cleaning a dataset.

import { blob, path } from "./api.js";
import { button, element, say } from "./elements.js";
import { PARTS } from "./images.js";

const WRITTEN = 3000; // images a selection in the address can have, unless a lasso drew it
const CORNERS = 60; // of a lasso in the address

/** Selected images as text: "test:5.1.k", the differences of their sorted numbers in base 36. */
export function written(images, ids) {
  if (!ids.size || ids.size > WRITTEN) return "";
  return PARTS.map((split, part) => {
    const numbers = [...ids].filter((id) => images.part[id] === part).map((id) => images.index[id]).sort((a, b) => a - b);
    const steps = numbers.map((number, k) => (number - (numbers[k - 1] ?? 0)).toString(36));
    return steps.length ? `${split}:${steps.join(".")}` : "";
  }).filter(Boolean).join(",");
}

/** What `written` wrote, as a set of rows. */
export function selected(images, text) {
  const found = new Set();
  for (const piece of (text ?? "").split(",").filter(Boolean)) {
    const [split, steps] = piece.split(":");
    let number = 0;
    for (const step of (steps ?? "").split(".")) {
      number += parseInt(step, 36);
      const id = images.id(PARTS.indexOf(split), number);
      if (id >= 0) found.add(id);
    }
  }
  return found;
}

/** A lasso around points as text, its corners as whole shares of the map's box. */
export function drawn(path, { x0, x1, y0, y1 }) {
  const side = Math.max(x1 - x0, y1 - y0) / 2000;
  const step = Math.max(1, path.length / CORNERS);
  const kept = Array.from({ length: Math.min(path.length, CORNERS) }, (_, k) => path[Math.floor(k * step)]);
  return kept.map(([x, y]) => `${Math.round((x - x0) / side)}.${Math.round((y - y0) / side)}`).join("~");
}

/** What `drawn` wrote, as a path on the map. */
export function corners(text, { x0, x1, y0, y1 }) {
  const side = Math.max(x1 - x0, y1 - y0) / 2000;
  return text.split("~").map((corner) => corner.split(".").map(Number)).map(([x, y]) => [x0 + x * side, y0 + y * side]);
}

/** "cat (12), dog (3) and 4 other classes" */
export function counted(images, ids) {
  const counts = new Map();
  for (const id of ids) counts.set(images.category(id), (counts.get(images.category(id)) ?? 0) + 1);
  counts.delete("");
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} (${count})`);
  const more = parts.length - 6;
  return parts.slice(0, 6).join(", ") + (more > 0 ? ` and ${more} other classes` : "");
}

/** By split, the numbers of selected images: [["test", [3, 5]]]. */
export function bySplit(images, ids) {
  return PARTS.map((split, part) => [split, [...ids].filter((id) => images.part[id] === part).map((id) => images.index[id])])
    .filter(([, index]) => index.length);
}

/** Buttons that write the selected images to a file; a selection over two splits gives a file for each. */
export function exports(run, images, ids) {
  const problem = element("p", { className: "problem", role: "alert" });
  const save = async (format) => {
    problem.textContent = "";
    try {
      for (const [split, index] of bySplit(images, ids)) {
        const file = await blob(path(run.key, "export", { format }), { split, index });
        download(file, `${run.key}-${split}-${index.length}-images.${format}`);
      }
      say(`${ids.size} images exported as ${format}.`);
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  return [
    button("Export CSV", () => save("csv"), "export path, class and scores of the selected images as CSV"),
    button("Parquet", () => save("parquet"), "export path, class and scores of the selected images as parquet"),
    problem,
  ];
}

function download(file, name) {
  const address = URL.createObjectURL(file);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Lists: nearest and farthest images of one query in one or two runs side by side, shared ones marked.

import { element, notice } from "./elements.js";
import { className, describe, picture } from "./images.js";
import { sheet } from "./tiles.js";

const WAYS = { nearest: "Nearest", farthest: "Farthest" };

/** The server's answer N as sections; `open(split, index)` is called when a picture is picked. */
export function lists(answer, runs, { open, label = -1 } = {}) {
  const parts = answer.runs.map((found) => {
    const run = runs.find(({ key }) => key === found.run);
    if (found.problem)
      return element("section", {}, element("h3", {}, run.name), element("p", { className: "problem" }, found.problem));
    return element("section", { dataset: { run: run.key } },
      answer.runs.length > 1 && element("h3", {}, run.name),
      Object.entries(WAYS).map(([way, title]) => [
        element("h4", {}, title),
        strip(`${title} in ${run.name}`, found[way], run, answer.bank, open, label),
      ]));
  });
  return element("div", { className: "lists" }, agreement(answer), element("div", { className: "columns" }, parts));
}

function strip(title, found, run, split, open, label) {
  if (!found.length) return notice("No images to compare with");
  return sheet(title, found.map((one) => ({
    ...one,
    picture: picture(run, split, one.index, 96, describe(run, split, one.index, one.label)),
    lines: [one.similarity.toFixed(3), className(run, one.label)], other: label >= 0 && one.label !== label,
  })), { open: open && (({ index }) => open(split, index)) });
}

function agreement({ agreement: found, k }) {
  if (!found) return null;
  const near = Math.round(found.nearest * k);
  const far = Math.round(found.farthest * k);
  return element("p", { className: "hint agreement" }, element("span", { className: "shared-mark" }),
    ` in both runs: ${near} of ${k} nearest, ${far} of ${k} farthest`);
}

/** What is ringed on the map: the query and the nearest of the first run, where `images` has them. */
export function rings(images, query, answer, colour) {
  const found = new Map();
  const part = answer?.bank === "test" ? 1 : 0;
  for (const { index } of answer?.runs[0].nearest ?? []) {
    const id = images.id(part, index);
    if (id >= 0) found.set(id, { colour, thick: 1.8 });
  }
  if (query >= 0) found.set(query, { colour, thick: 4 });
  return found;
}

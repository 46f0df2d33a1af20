// Columns: values for each image (cluster, anomaly, prediction ...) with which maps are coloured.

import { json, kept, path, pause } from "./api.js";
import { PARTS } from "./images.js";

/** What columns a run has for a split, asked again until all are ready; `tell` hears each answer. */
export async function watch(run, split, tell, signal) {
  for (;;) {
    const found = await json(path(run.key, "columns", { split }));
    if (signal.aborted) return;
    tell(found);
    if (found.state !== "computing" && found.state !== "waiting") return;
    await pause(1500);
  }
}

/** Whether a run has a column; the one that compares it with another run needs both to have all. */
export async function ready(split, run, name, other) {
  if (name === "class" || name === "split") return true;
  const asked = name === "overlap" ? [run, other] : [run];
  const found = await Promise.all(asked.map(({ key }) => json(path(key, "columns", { split }))));
  return found.every(({ state, columns }) => state === "ready" || columns.some((one) => one.name === name && one.ready));
}

/** A colouring of all images: values by row, names or ends. */
export async function colouring(images, run, described, second) {
  const { name, names } = described;
  if (name === "class") return { values: images.label, names: images.classes };
  if (name === "split") return { values: images.part, names: PARTS };
  const settings = { split: images.split, second: name === "overlap" ? second?.key : "" };
  const { columns, count } = await kept(path(run.key, `columns/${name}`, settings));
  const values = names ? new Int32Array(images.count).fill(-1) : new Float32Array(images.count).fill(NaN);
  for (let row = 0; row < count; row++) {
    const id = images.id(columns.part[row], columns.index[row]);
    if (id >= 0) values[id] = columns.value[row];
  }
  return names ? { values, names } : { values, names: null, ...ends(described, values) };
}

function ends({ low, high }, values) {
  if (Number.isFinite(low) && Number.isFinite(high)) return { low, high };
  const found = { low: Infinity, high: -Infinity };
  for (const value of values) {
    if (value < found.low) found.low = value;
    if (value > found.high) found.high = value;
  }
  return found.low <= found.high ? found : { low: 0, high: 1 };
}

/** Titles of a run's columns by name; none where the server cannot tell. */
export async function titled(run, split) {
  const { columns } = await json(path(run.key, "columns", { split })).catch(() => ({ columns: [] }));
  return titles(columns);
}

/** Titles by name. */
export function titles(described) {
  return new Map(described.map(({ name, title }) => [name, title]));
}

// Lines: small charts of values over training steps, drawn as SVG.

import { drawing, element } from "./elements.js";

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [340, 150, 46, 10, 22];

/** series: [{ name, points: [[x, y]], dashed }]; one chart with the name of what it shows above it. */
export function chart(title, series) {
  const places = series.flatMap((one) => one.points).filter(([, value]) => Number.isFinite(value));
  if (!places.length) return null;
  const x = scale(places.map(([step]) => step), LEFT, WIDTH - 8);
  const y = scale(places.map(([, value]) => value), HEIGHT - BOTTOM, TOP);
  const ends = series.map(({ name, points: found }) => ({ name, first: short(found[0][1]), last: short(found.at(-1)[1]) }));
  const said = ends.map(({ name, first, last }) => `${name} ${first} to ${last}`).join("; ");
  const picture = drawing("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} up to step ${x.high}: ${said}`, class: "chart",
  });
  for (const value of [y.low, y.high]) {
    picture.append(drawing("line", { x1: LEFT, x2: WIDTH - 8, y1: y.at(value), y2: y.at(value), class: "rule" }));
    picture.append(words(short(value), LEFT - 6, y.at(value) + 4, "end"));
  }
  picture.append(words(String(x.low), LEFT, HEIGHT - 5, "start"), words(`step ${x.high}`, WIDTH - 8, HEIGHT - 5, "end"));
  for (const { points: found, dashed } of series) {
    const known = found.filter(([, value]) => Number.isFinite(value)).map(([a, b]) => [x.at(a).toFixed(1), y.at(b).toFixed(1)]);
    picture.append(drawing("polyline", { points: known.join(" "), class: dashed ? "held" : "seen" }));
    if (known.length === 1) picture.append(drawing("circle", { cx: known[0][0], cy: known[0][1], r: 3, class: dashed ? "held" : "seen" }));
  }
  const now = element("span", { className: "hint" }, ends.map(({ name, last }) => `${name} ${last}`).join(", "));
  return element("figure", { className: "line" }, element("figcaption", {}, element("strong", {}, title), " ", now), picture);
}

function words(text, x, y, anchor) {
  return drawing("text", { x, y, "text-anchor": anchor }, text);
}

function scale(values, from, to) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low === high) [low, high] = [Math.min(0, 2 * low), Math.max(0, 2 * high) || 1];
  return { low, high, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

function short(value) {
  return String(Number(value.toPrecision(3)));
}

/** All charts of a log: one for each loss term, with validation dashed, and one for each watched value. */
export function charts({ rows, validation, watch }) {
  const training = rows.map(({ step, terms }) => ({ step, ...terms }));
  const held = validation.map(({ step, test }) => ({ step, ...test }));
  const losses = names([...training, ...held]).map((name) => chart(name, [
    { name: "training", points: points(training, name) },
    { name: "held out", points: points(held, name), dashed: true },
  ].filter((one) => one.points.length)));
  return [...losses, ...names(watch).map((name) => chart(name, [{ name: "", points: points(watch, name) }]))].filter(Boolean);
}

function names(rows) {
  const found = new Set(rows.flatMap((row) => Object.keys(row)));
  return [...found].filter((name) => name !== "epoch" && name !== "step");
}

function points(rows, name) {
  return rows.filter((row) => name in row).map((row) => [row.step, row[name]]);
}

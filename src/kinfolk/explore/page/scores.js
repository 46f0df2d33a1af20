// Scores: values with their intervals beside the floors that learned nothing.

import { drawing, element } from "./elements.js";

const SHARES = new Set(["accuracy", "share", "precision"]);
const HEADLINES = ["knn", "linear_probe", "nmi", "rank_me"];

export function value(number, unit) {
  if (number === null || number === undefined) return "";
  return SHARES.has(unit) ? `${(100 * number).toFixed(1)} %` : String(Number(number.toPrecision(3)));
}

export function interval({ low, high }, unit) {
  if (low === null || low === undefined) return "";
  const short = (end) => (SHARES.has(unit) ? (100 * end).toFixed(1) : String(Number(end.toPrecision(3))));
  return `[${short(low)}, ${short(high)}]`;
}

/** The title, with what of the detail it does not say already. */
export function title({ title: name, detail }) {
  const words = name.split(/[^\w.-]+/);
  const more = (detail || "").split(", ").filter((part) => part && !words.includes(part.split(" ").pop()));
  return more.length ? `${name} (${more.join(", ")})` : name;
}

/** The few scores that stand for a run. */
export function headlines(scores, most = 3) {
  const first = HEADLINES.map((name) => scores.find((score) => score.name === name)).filter(Boolean);
  return [...new Set([...first, ...scores])].slice(0, most);
}

/** One score: figure, interval, and where it stands among its floors. */
export function scored(score) {
  const own = score.cells.find(({ kind }) => kind === "run");
  const floors = score.cells.filter(({ kind }) => kind === "floor");
  if (!own) return null;
  const better = (a, b) => (score.higher_is_better === false ? a.value - b.value : b.value - a.value);
  const best = [...floors].sort(better)[0];
  return element("div", { className: "scored" },
    element("span", { className: "what" }, title(score)),
    element("span", { className: "value" }, value(own.value, score.unit), element("small", {}, interval(own, score.unit))),
    SHARES.has(score.unit) && track(score, own, floors),
    element("small", { className: "beside" }, best ? `best floor: ${best.subject} ${value(best.value, score.unit)}` : "no floor measured"));
}

/** From 0 to 1: the run as a disc with its interval, floors as rings. */
function track(score, own, floors) {
  const at = (share) => 6 + 228 * Math.min(1, Math.max(0, share));
  const beside = floors.map((floor) => `${floor.subject} ${value(floor.value, score.unit)}`).join(", ") || "none";
  const said = `${title(score)}: ${value(own.value, score.unit)}; floors: ${beside}`;
  return drawing("svg", { viewBox: "0 0 240 16", class: "track", role: "img", "aria-label": said },
    drawing("line", { x1: 6, x2: 234, y1: 8, y2: 8, class: "rule" }),
    ...floors.map((floor) => drawing("circle", { cx: at(floor.value), cy: 8, r: 4, class: "floor" })),
    drawing("line", { x1: at(own.low ?? own.value), x2: at(own.high ?? own.value), y1: 8, y2: 8, class: "spread" }),
    drawing("circle", { cx: at(own.value), cy: 8, r: 5, class: "own" }));
}

/** Every score of a run with its floors and ceiling as a table. */
export function table(scores) {
  const subjects = [...new Map(scores.flatMap(({ cells }) => cells.map(({ subject, kind }) => [subject, kind]))).keys()];
  if (!scores.length) return null;
  return element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Scores" }, element("table", {},
    element("thead", {}, element("tr", {}, ["score", ...subjects].map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, scores.map((score) => element("tr", {}, element("th", { scope: "row" }, title(score)),
      subjects.map((subject) => {
        const cell = score.cells.find((one) => one.subject === subject);
        return element("td", {}, cell ? value(cell.value, score.unit) : "", " ", cell && element("small", {}, interval(cell, score.unit)));
      }))))));
}

// Page "run": one run with every score, verdict and loss term, and the recipe it was made by.

import { json } from "./api.js";
import { element, notice } from "./elements.js";
import { plain } from "./images.js";
import { follow } from "./follow.js";
import { badge, made, next } from "./runs.js";
import { table } from "./scores.js";

export async function show(place, { run, signal }) {
  const whole = await json(`/api/runs/${encodeURIComponent(run.key)}`);
  const losses = element("div", { className: "losses" });
  const state = element("span", {}, badge(run.state));
  place.append(
    element("h1", {}, run.name, " ", state), element("p", { className: "hint" }, made(run), element("br"), run.path),
    run.problem ? notice("Not everything can be shown", run.problem) : "",
    section("Verdicts", run.verdicts.map(verdict)),
    section("Scores", [table(run.scores) ?? notice("No scores yet", next(run))]),
    section("Loss terms", [losses]),
    element("details", {}, element("summary", {}, "Recipe"), element("pre", { tabIndex: 0 }, lines(whole.recipe).join("\n"))),
    element("details", {}, element("summary", {}, "Made on"), element("pre", { tabIndex: 0 }, lines(whole.environment).join("\n"))),
  );
  follow(run, losses, signal, Infinity, (now, log) => {
    state.replaceChildren(badge(now));
    if (log && !log.rows.length) losses.replaceChildren(notice("No log yet", "Loss terms appear here while the run trains."));
  });
}

function section(title, children) {
  return children.length ? element("section", {}, element("h2", {}, title), element("div", { className: "cards" }, children)) : "";
}

function verdict({ title, verdict: found, text, advice, evidence }) {
  return element("article", { className: "card" },
    element("h3", {}, `${title}: ${found}`), element("p", {}, text), advice && element("p", {}, advice),
    evidence?.length ? element("ul", { className: "evidence" }, evidence.map(witness)) : null);
}

function witness({ name, value, threshold, says }) {
  const beside = Number.isFinite(threshold) ? ` (threshold ${plain(threshold)})` : "";
  return element("li", {}, `${name.replaceAll("_", " ")} ${plain(value)}${beside}: `, element("strong", {}, says));
}

/** Nested settings as lines: method.temperature = 0.5 */
function lines(settings, before = "") {
  return Object.entries(settings ?? {}).flatMap(([key, value]) =>
    (value && typeof value === "object" && !Array.isArray(value) ? lines(value, `${before}${key}.`) : [`${before}${key} = ${JSON.stringify(value)}`]));
}

// Page "runs": every run with its state, main scores beside the floors, verdicts, and loss while it trains.

import { link } from "./address.js";
import { json, pause } from "./api.js";
import { element } from "./elements.js";
import { follow } from "./follow.js";
import { headlines, scored } from "./scores.js";

const STATES = { training: "training", unfinished: "unfinished", finished: "finished", findings: "measured" };

export async function show(place, context) {
  const { runs, signal } = context;
  place.append(element("h1", {}, runs.length === 1 ? "One run" : `${runs.length} runs`));
  const cards = element("div", { className: "cards" }, runs.map((run) => card(run, runs, signal)));
  place.append(cards);
  refresh(cards, runs, signal);
}

function card(run, runs, signal) {
  const losses = element("div", { className: "losses" });
  if (run.state === "training" || !run.scores.length) follow(run, losses, signal, 2);
  const other = runs.find(({ key, data, problem }) => key !== run.key && data === run.data && !problem && !run.problem);
  const to = (page, text, second = "") => element("a", { className: "button", href: link(page, { run: run.key, second }) }, text);
  return element("article", { className: "card", dataset: { run: run.key, state: run.state } },
    element("h2", {}, element("a", { href: link("run", { run: run.key }) }, run.name), badge(run.state)),
    element("p", { className: "hint" }, made(run)),
    headlines(run.scores).map(scored),
    run.scores.length ? null : element("p", { className: "hint" }, next(run)),
    element("ul", { className: "verdicts" }, run.verdicts.map(({ title, verdict }) =>
      element("li", {}, `${title}: `, element("strong", {}, verdict)))),
    losses,
    element("div", { className: "actions" },
      run.problem ? null : [to("map", "Map"), to("odd", "Odd ones")], other && to("compare", "Compare", other.key)));
}

/** What to do where there are no scores yet. */
export function next({ state, path }) {
  if (state === "training") return "Its scores can be measured when it has finished.";
  return state === "unfinished" ? "It was broken off: the same kinfolk train goes on." : `No scores yet: kinfolk evaluate ${path}`;
}

export function badge(state) {
  return element("span", { className: `badge ${state}` }, STATES[state] ?? state);
}

/** "convnet by simclr on cifar10, 3 epochs, seed 0" */
export function made({ encoder, method, data, epoch, epochs, seed }) {
  const what = [encoder, method && `by ${method}`, data && `on ${data.split("/").pop()}`].filter(Boolean).join(" ");
  const done = epochs && `${(epoch ?? epochs) < epochs ? `${epoch} of ` : ""}${epochs} epoch${epochs === 1 ? "" : "s"}`;
  return [what, done, Number.isInteger(seed) && `seed ${seed}`].filter(Boolean).join(", ");
}

/** While one trains, look whether its state has changed. */
async function refresh(cards, runs, signal) {
  const states = (found) => found.map(({ key, state, epoch, scores }) => `${key} ${state} ${epoch} ${scores.length}`).join();
  while (runs.some(({ state }) => state === "training")) {
    await pause(5000);
    if (signal.aborted) return;
    const found = await json("/api/runs").catch(() => null);
    if (signal.aborted) return;
    if (found && states(found.runs) !== states(runs)) return dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

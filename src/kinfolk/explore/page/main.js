// Main: the frame around the pages: where to go, which run and split, what failed.

import { go, link, read } from "./address.js";
import { json } from "./api.js";
import { element, menu, notice } from "./elements.js";
import { showKeys } from "./keys.js";

const PAGES = { map: "Map", neighbours: "Neighbours", odd: "Odd ones", runs: "Runs", compare: "Compare" };
const SPLITS = { test: "test", train: "train", all: "train and test" };
const OPENED = [...Object.keys(PAGES), "run"];
const MENUS = {
  map: ["run", "second", "split"], neighbours: ["run", "second", "split"], odd: ["run", "split"], run: ["run"],
  compare: ["run", "second", "split"],
};
const EVERY = "*"; // beside a run: every other

const main = document.getElementById("main");
let leaving = new AbortController();

/** What every page is given: all runs, the chosen one, those beside it, the split and the state of the address. */
async function context(page, state, signal) {
  const { runs } = await json("/api/runs");
  const run = runs.find(({ key }) => key === state.run) ?? runs[0];
  const rest = runs.filter(({ key }) => key !== run?.key);
  const others = state.second === EVERY ? rest : rest.filter(({ key }) => key === state.second);
  const splits = splitsOf(run, page);
  const split = [state.split, "test", splits[0]].find((name) => splits.includes(name)) ?? "test";
  const missing = state.run && run?.key !== state.run ? state.run : "";
  return { page, state, signal, runs, run, others, second: others[0], split, missing };
}

/** The splits of a run that a page can show. */
function splitsOf(run, page) {
  const known = run?.splits.map(({ split }) => split) ?? [];
  return page === "map" && known.length > 1 ? [...known, "all"] : known;
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { page, state } = read();
  main.setAttribute("aria-busy", "true");
  const place = element("div", { className: `page page-${page}` });
  try {
    const found = await context(page, state, signal);
    if (signal.aborted) return;
    furnish(found);
    main.replaceChildren(place);
    const problem = wrong(found);
    if (problem) place.append(notice(...problem));
    else await (await import(`./${page}.js`)).show(place, found);
  } catch (error) {
    if (!signal.aborted) place.replaceChildren(notice("This could not be shown", error.message));
    if (!signal.aborted && !place.isConnected) main.replaceChildren(place);
  }
  if (signal.aborted) return;
  main.removeAttribute("aria-busy");
  document.documentElement.dataset.ready = location.hash || "#";
}

/** What is wrong with an address, and what to do, if something is. */
function wrong({ page, runs, run, missing }) {
  if (!run) return ["No run is open", "Start the explorer with the folder of a run: kinfolk explore runs/first."];
  if (missing) return [`No run "${missing}" here`, `Open are: ${runs.map(({ key }) => key).join(", ")}. Choose one above.`];
  return OPENED.includes(page) ? null : [`No page "${page}"`, "Choose one of the pages above."];
}

/** The links and menus above every page. */
function furnish({ page, runs, run, others, second, split }) {
  const beside = others.length > 1 && page === "map" ? EVERY : second?.key ?? "";
  const shared = { run: run?.key, second: beside, split };
  document.title = `${PAGES[page] ?? run?.name ?? "kinfolk"} · kinfolk`;
  document.querySelector("nav").replaceChildren(...Object.entries(PAGES).map(([name, title]) => {
    const made = element("a", { href: link(name, shared), textContent: title });
    if (name === page) made.setAttribute("aria-current", "page");
    return made;
  }));
  const menus = run && page in MENUS ? MENUS[page] : [];
  const changed = (changes) => go(page, { ...carried(page, read().state), ...shared, ...changes });
  const names = runs.map(({ key, name }) => [key, name]);
  const rest = [["", "none"], ...names.filter(([key]) => key !== run?.key)];
  if (page === "map" && names.length > 2) rest.push([EVERY, "every run"]);
  const splits = Object.entries(SPLITS).filter(([name]) => splitsOf(run, page).includes(name));
  const made = {
    run: () => menu("Run", names, run.key, (key) => changed({ run: key, second: beside === key ? "" : beside })),
    second: () => rest.length > 1 && menu("beside", rest, beside, (key) => changed({ second: key })),
    split: () => splits.length > 1 && menu("Split", splits, split, (value) => changed({ split: value })),
  };
  document.querySelector(".context").replaceChildren(...menus.map((name) => made[name]()).filter(Boolean));
}

/** What of the state stays when run or split change. */
function carried(page, { maps, colour, class: only, text, kind, k, bank }) {
  return { map: { maps, colour, class: only, text }, odd: { kind }, neighbours: { k, bank }, compare: { maps } }[page] ?? {};
}

addEventListener("hashchange", show);
document.querySelector(".context").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("skip").addEventListener("click", (event) => [event.preventDefault(), main.focus()]);
document.getElementById("keys").addEventListener("click", showKeys);
addEventListener("keydown", (event) => {
  if (event.key === "?" && !event.target.matches("input, select, textarea")) showKeys();
});
show();

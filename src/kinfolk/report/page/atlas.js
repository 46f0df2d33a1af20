// Atlas: maps of the same images side by side, with one legend, one colouring and one selection.

import { Group } from "./group.js";
import { RAMP, enlarge, look, trace } from "./marks.js";
import { Scatter } from "./scatter.js";

const STRIP = 60; // pictures of a selection that are shown

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function button(text, label, act) {
  const made = element("button", { type: "button", textContent: text, onclick: act });
  if (label) made.setAttribute("aria-label", made.title = label);
  return made;
}

/** Draw the maps named in `host` and the controls above and below them. */
export function atlas(host, maps, album) {
  const group = new Group();
  const here = [];
  for (const place of host.querySelectorAll("[data-map]")) {
    const points = maps[Number(place.dataset.map)];
    group.colour ||= points.colours.keys().next().value ?? "";
    here.push(points);
    const map = new Scatter(place, group, points, {
      label: points.label,
      thumbnail: (id) => album.thumbnail(id),
      describe: (i) => [...album.describe(points.ids[i]), ...quantities(points, i)],
      wheel: "focused",
    });
    place.append(element("div", { className: "zoom" },
      button("+", "zoom in", () => map.zoom(1.5)),
      button("−", "zoom out", () => map.zoom(1 / 1.5)),
      button("⤢", "whole map", () => map.fit())));
  }
  const legend = element("div", { className: "legend" });
  host.querySelector(".controls").append(colourMenu(group, here), lassoButton(group), legend);
  const chosen = host.querySelector(".selection");
  const update = ({ detail }) => {
    if (detail.includes("colour")) showLegend(legend, group, here);
    if (detail.includes("selected")) showSelection(chosen, group, album);
  };
  group.addEventListener("change", update);
  showLegend(legend, group, here);
}

function quantities(points, i) {
  return [...points.colours].filter(([, { names }]) => !names)
    .map(([name, { values }]) => `${name}: ${Number(values[i].toPrecision(3))}`);
}

function colourMenu(group, maps) {
  const names = [...new Set(maps.flatMap((points) => [...points.colours.keys()]))];
  const menu = element("select", { onchange: () => group.set({ colour: menu.value, hidden: new Set() }) },
    ...names.map((name) => element("option", { value: name, textContent: name })));
  const label = element("label", {}, "colour by ", menu);
  label.hidden = names.length < 2;
  return label;
}

function lassoButton(group) {
  const made = button("Lasso", "draw around points to select them (or drag with Shift)", () => {
    group.set({ lasso: !group.lasso });
    made.setAttribute("aria-pressed", group.lasso);
  });
  made.setAttribute("aria-pressed", "false");
  return made;
}

/** One button for each category, or the ramp of a quantity. */
function showLegend(legend, group, maps) {
  const colourings = maps.map((points) => points.colours.get(group.colour)).filter(Boolean);
  if (!colourings.length) return legend.replaceChildren();
  if (!colourings[0].names) return legend.replaceChildren(...ramp(colourings[0]));
  const used = new Set(colourings.flatMap(({ values }) => [...new Set(values)]));
  const values = [...used].sort((a, b) => a - b);
  return legend.replaceChildren(...values.map((value) => {
    const name = value < 0 ? "none" : colourings[0].names[value] ?? String(value);
    const made = button("", "", () => {
      const hidden = new Set(group.hidden);
      if (!hidden.delete(value)) hidden.add(value);
      group.set({ hidden });
      made.setAttribute("aria-pressed", !hidden.has(value));
    });
    made.append(swatch(value), name);
    made.title = "show or hide";
    made.setAttribute("aria-pressed", !group.hidden.has(value));
    return made;
  }));
}

function swatch(value) {
  const ratio = Math.max(2, devicePixelRatio);
  const canvas = element("canvas", { width: 14 * ratio, height: 14 * ratio });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  trace(context, look(value).shape, 7, 7, 4.6);
  context.fillStyle = look(value).colour;
  context.fill();
  context.strokeStyle = "rgba(0, 0, 0, 0.4)";
  context.stroke();
  return canvas;
}

function ramp({ low, high }) {
  const canvas = element("canvas", { width: 180, height: 12, className: "ramp" });
  const context = canvas.getContext("2d");
  RAMP.forEach((colour, k) => {
    context.fillStyle = colour;
    context.fillRect((k * 180) / RAMP.length, 0, 180 / RAMP.length + 1, 12);
  });
  return [Number(low.toPrecision(3)), canvas, Number(high.toPrecision(3))].map((part) => (typeof part === "number" ? String(part) : part));
}

/** Below the maps: how many images of which class are selected, and their pictures. */
function showSelection(place, group, album) {
  const ids = [...group.selected];
  place.hidden = !ids.length;
  if (!ids.length) return place.replaceChildren();
  const counts = new Map();
  for (const id of ids) counts.set(album.category(id) || "no class", (counts.get(album.category(id) || "no class") ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${count} ${name}`);
  const strip = element("div", { className: "strip" });
  for (const id of ids.slice(0, STRIP)) {
    const picture = album.thumbnail(id);
    if (!picture) continue;
    const tile = enlarge(picture, picture.width);
    tile.title = album.describe(id).join(", ");
    tile.onpointerenter = () => group.set({ hover: id });
    tile.onpointerleave = () => group.set({ hover: -1 });
    strip.append(tile);
  }
  const clear = button("Clear selection", "", () => group.set({ selected: new Set() }));
  return place.replaceChildren(element("p", {}, `${ids.length} selected: ${parts.join(", ")} `, clear), strip);
}

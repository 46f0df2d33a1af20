// Atlas: maps of the same images side by side, with one legend, one colouring and one selection.

import { Group } from "./group.js";
import { legend } from "./legend.js";
import { enlarge, whenSchemeChanges } from "./marks.js";
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
      picture: (id, side) => (album.thumbnail(id) ? enlarge(album.thumbnail(id), side) : null),
      describe: (i) => [...album.describe(points.ids[i]), ...quantities(points, i)],
      wheel: "focused",
    });
    place.append(element("div", { className: "zoom" },
      button("+", "zoom in", () => map.zoom(1.5)),
      button("−", "zoom out", () => map.zoom(1 / 1.5)),
      button("⤢", "whole map", () => map.fit())));
  }
  const key = element("div", { className: "legend" });
  const showKey = () => legend(key, group, here.map((points) => points.colours.get(group.colour)).filter(Boolean));
  host.querySelector(".controls").append(colourMenu(group, here), lassoButton(group), key);
  const chosen = host.querySelector(".selection");
  const update = ({ detail }) => {
    if (detail.includes("colour")) showKey();
    if (detail.includes("selected")) showSelection(chosen, group, album);
  };
  group.addEventListener("change", update);
  showKey();
  whenSchemeChanges(showKey);
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

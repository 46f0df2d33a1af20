// Tiles: a sheet of pictures through which the arrow keys walk.

import { button, element } from "./elements.js";

const MARKS = { shared: "in both runs", other: "of another class" };

/**
 * tiles: [{ picture: element, lines: [texts below it], and what is marked: shared (in both runs), other (another class) }]
 * options: open(tile, k) on click or Enter, walk(tile, k) when a tile is focused, toggle(tile) on Space and
 *          chosen(tile) -> whether it is selected; without toggle tiles cannot be selected
 */
export function sheet(label, tiles, { open, walk, toggle, chosen } = {}) {
  const place = element("div", { className: "sheet", role: "group", ariaLabel: label });
  const show = (made, tile) => made.setAttribute("aria-pressed", !!chosen?.(tile));
  const faces = tiles.map((tile, k) => {
    const lines = (tile.lines ?? []).filter(Boolean).map((text) => element("span", { className: "line" }, text));
    const face = element("button", { type: "button", className: "face", tabIndex: k ? -1 : 0 }, tile.picture, lines);
    face.title = tile.picture.alt ?? "";
    for (const [mark, said] of Object.entries(MARKS))
      if (tile[mark]) face.append(element("span", { className: `${mark}-mark` }, element("span", { className: "unseen" }, said)));
    face.addEventListener("focus", () => {
      for (const other of faces) other.tabIndex = other === face ? 0 : -1;
      walk?.(tile, k);
    });
    face.addEventListener("click", (event) => (toggle && (event.ctrlKey || event.metaKey) ? change(face, tile) : open?.(tile, k)));
    if (toggle) show(face, tile);
    return face;
  });
  const change = (face, tile) => {
    toggle(tile);
    show(face, tile);
  };
  place.append(...faces.map((face, k) => {
    const check = toggle && button("✓", () => change(face, tiles[k]), "select or unselect");
    if (check) Object.assign(check, { className: "check", tabIndex: -1 }).setAttribute("aria-hidden", "true");
    const marks = Object.keys(MARKS).filter((mark) => tiles[k][mark]);
    return element("div", { className: ["tile", ...marks].join(" ") }, face, check);
  }));
  place.addEventListener("keydown", (event) => {
    const at = faces.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && toggle) change(faces[at], tiles[at]);
    else if (event.key in STEPS) faces[Math.min(faces.length - 1, Math.max(0, STEPS[event.key](at, faces)))].focus();
    else return;
    event.preventDefault();
  });
  place.refresh = () => toggle && faces.forEach((face, k) => show(face, tiles[k]));
  return place;
}

/** How many tiles stand in the first row. */
function across(faces) {
  const top = faces[0].getBoundingClientRect().top;
  const next = faces.findIndex((face) => face.getBoundingClientRect().top > top + 4);
  return next < 0 ? faces.length : next;
}

const STEPS = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: (at, faces) => (at < across(faces) ? at : at - across(faces)),
  ArrowDown: (at, faces) => (at + across(faces) >= faces.length ? at : at + across(faces)),
  Home: () => 0,
  End: (at, faces) => faces.length - 1,
};

// Keys: a card that names the keys.

import { button, element } from "./elements.js";

const KEYS = [
  ["On a map", [
    ["arrows", "walk from image to image"], ["Shift + arrows", "move the map"], ["+ and −", "zoom"], ["0", "whole map"],
    ["Enter", "open the image"], ["Space", "select the image"], ["Escape", "close the image, then clear the selection"],
  ]],
  ["On a sheet of pictures", [["arrows, Home, End", "walk"], ["Enter", "open"], ["Space", "select"]]],
  ["With the mouse", [
    ["drag", "move the map"], ["wheel, pinch", "zoom"], ["Shift + drag", "select by lasso"], ["Ctrl + click", "select one"],
    ["double click", "whole map"],
  ]],
];

export function showKeys() {
  const card = element("dialog", { className: "keys", ariaLabel: "Keyboard keys" },
    KEYS.map(([title, keys]) => [
      element("h2", {}, title),
      element("dl", {}, keys.map(([key, does]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, does)]).flat()),
    ]),
    button("Close", () => card.close()));
  card.addEventListener("close", () => card.remove());
  document.body.append(card);
  card.showModal();
}

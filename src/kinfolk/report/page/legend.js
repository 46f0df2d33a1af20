// Legend: which colour and shape stand for what; a category can be hidden and shown again.

import { LOOKS, category, ramp, trace } from "./marks.js";

const RATIO = 2; // pixels of a mark for each CSS pixel

/** Fill `place` for the colouring of a group: one button for each category of `colourings`, or the ramp of a quantity. */
export function legend(place, group, colourings) {
  const [first] = colourings;
  if (!first) return place.replaceChildren();
  if (!first.names) return place.replaceChildren(...scale(first));
  const used = new Set(colourings.flatMap(({ values }) => [...new Set(values)]));
  const values = [...used].sort((a, b) => a - b);
  return place.replaceChildren(...values.map((value) => entry(value, value < 0 ? "none" : first.names[value] ?? String(value), group)));
}

function entry(value, name, group) {
  const made = document.createElement("button");
  const show = () => made.setAttribute("aria-pressed", !group.hidden.has(value));
  made.type = "button";
  made.title = "show or hide";
  made.append(swatch(value), name);
  made.addEventListener("click", () => {
    const hidden = new Set(group.hidden);
    if (!hidden.delete(value)) hidden.add(value);
    group.set({ hidden });
    show();
  });
  show();
  return made;
}

function swatch(value) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 14 * RATIO;
  const context = canvas.getContext("2d");
  const { colour, shape } = LOOKS[category(value)];
  context.scale(RATIO, RATIO);
  trace(context, shape, 7, 7, 4.6);
  context.fillStyle = colour;
  context.fill();
  context.strokeStyle = "rgba(0, 0, 0, 0.4)";
  context.stroke();
  return canvas;
}

function scale({ low, high }) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 180, height: 12, className: "ramp" });
  const context = canvas.getContext("2d");
  const colours = ramp();
  colours.forEach((colour, k) => {
    context.fillStyle = colour;
    context.fillRect((k * 180) / colours.length, 0, 180 / colours.length + 1, 12);
  });
  return [String(Number(low.toPrecision(3))), canvas, String(Number(high.toPrecision(3)))];
}

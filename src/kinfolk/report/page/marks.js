// Marks: colours and shapes that the colour-blind can tell apart, and cells of a sprite sheet.

/** Okabe and Ito's seven colours (2008), then three kept far from them in normal, deuteranope and protanope sight. */
export const PALETTE = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#4545ff", "#8f3a12", "#8ce99a",
];
/** Beyond ten classes the shape changes, so that no two of forty look alike. */
export const SHAPES = ["disc", "square", "triangle", "diamond"];
/** Cividis (Nuñez, Anderton and Renslow 2018) in nine steps, for quantities. */
const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"];

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** A look: its colour as CSS has it, the same as the bytes of a pixel (blue, green, red), and a shape. */
function made(colour, shape) {
  const rgb = parseInt(colour.slice(1), 16);
  return { colour, pixel: ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16), shape };
}

const CATEGORIES = SHAPES.flatMap((shape) => PALETTE.map((colour) => made(colour, shape)));
const STEPS = CIVIDIS.map((colour) => made(colour, "disc"));
const NONE = CATEGORIES.length;

/** Every look there is; what points carry are places in this list. */
export const LOOKS = [...CATEGORIES, made("#8a8a8a", "disc"), ...STEPS];

/** The colours of quantities from low to high: the high end is the one that stands out from the ground. */
export function ramp() {
  return DARK.matches ? CIVIDIS : [...CIVIDIS].reverse();
}

/** Place in LOOKS of a category; negative values are "none". */
export function category(value) {
  return value < 0 ? NONE : value % NONE;
}

/** Place in LOOKS of a quantity between two ends; what is no number is "none". */
export function quantity(value, low, high) {
  const share = Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  if (!Number.isFinite(share)) return NONE;
  return NONE + 1 + Math.round((DARK.matches ? share : 1 - share) * (STEPS.length - 1));
}

/** Call `act` when the reader changes between light and dark, until `signal` aborts. */
export function whenSchemeChanges(act, signal) {
  DARK.addEventListener("change", act, { signal });
}

/** Trace the outline of a marker of radius `r` around (x, y). */
export function trace(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "disc") context.arc(x, y, r, 0, 2 * Math.PI);
  else if (shape === "square") context.rect(x - 0.86 * r, y - 0.86 * r, 1.72 * r, 1.72 * r);
  else {
    const corners = shape === "triangle" ? [[0, -1.25], [1.15, 0.8], [-1.15, 0.8]] : [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]];
    corners.forEach(([a, b], i) => (i ? context.lineTo(x + a * r, y + b * r) : context.moveTo(x + a * r, y + b * r)));
    context.closePath();
  }
}

/** A canvas of `side` device pixels showing one cell of a sprite sheet. */
export function enlarge({ source, x, y, width, height }, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.round(side);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

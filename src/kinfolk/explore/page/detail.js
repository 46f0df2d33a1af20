// Detail: one image large, with its class, its path and the values that are known of it.

import { element } from "./elements.js";
import { PARTS, plain } from "./images.js";

const SAID = new Set(["class", "split"]); // stand above the values already

/** A card for image `id`; `titles` (or a promise of them) names values by their column, `actions` are buttons. */
export function detail(images, id, titles, ...actions) {
  const values = element("dl", {});
  const origin = element("p", { className: "origin" });
  Promise.all([images.details(id), titles]).then(
    ([found, named]) => {
      origin.textContent = found.origin ?? "";
      const known = Object.entries(found.values ?? {}).filter(([name, value]) => !SAID.has(name) && value !== null);
      for (const [name, value] of known)
        values.append(element("dt", {}, named.get(name) ?? name.replaceAll("_", " ")), element("dd", {}, plain(value)));
    },
    (error) => (origin.textContent = error.message),
  );
  return element("article", { className: "detail" },
    images.picture(id, 192),
    element("div", {},
      element("h2", {}, images.category(id) || "Image"),
      element("p", { className: "hint" }, `${PARTS[images.part[id]]} image ${images.index[id]}`),
      origin, values,
      element("div", { className: "actions" }, actions)));
}

// Tip: the card beside the point under the pointer: its picture and what is known of it.

import { enlarge } from "./marks.js";

export class Tip {
  constructor(host) {
    this.card = document.createElement("div");
    this.card.className = "tip";
    this.card.hidden = true;
    this.card.setAttribute("aria-live", "polite");
    host.append(this.card);
  }

  hide() {
    this.card.hidden = true;
  }

  /** Describe point i of a map, beside it and inside the map. */
  show(map, i) {
    const { card } = this;
    if (card.dataset.id !== String(map.ids[i])) {
      card.dataset.id = map.ids[i];
      const lines = map.options.describe(i).map((line) => Object.assign(document.createElement("div"), { textContent: line }));
      const picture = map.options.thumbnail(map.ids[i]);
      card.replaceChildren(...(picture ? [enlarge(picture, 96 * map.ratio)] : []), ...lines);
    }
    card.hidden = false;
    const [x, y] = map.toScreen(i);
    const left = x + card.offsetWidth + 16 > map.width ? x - card.offsetWidth - 12 : x + 12;
    const top = Math.min(Math.max(0, y - card.offsetHeight / 2), map.height - card.offsetHeight);
    card.style.left = `${Math.max(-8, left)}px`;
    card.style.top = `${Math.max(-8, top)}px`;
  }
}

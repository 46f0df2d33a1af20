// Tip: the card beside the point under the pointer: its picture and what is known of it.

const SIDE = 96; // CSS pixels of its picture

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

  /** Describe again what is shown: more is known of it now. */
  forget() {
    delete this.card.dataset.id;
  }

  /** Describe point i of a map, beside it, on the side where the window has room. */
  show(map, i) {
    const { card } = this;
    if (card.dataset.id !== String(map.ids[i])) {
      card.dataset.id = map.ids[i];
      const lines = map.options.describe(i).map((line) => Object.assign(document.createElement("div"), { textContent: line }));
      const picture = map.options.picture(map.ids[i], SIDE * map.frame.ratio);
      card.replaceChildren(...(picture ? [picture] : []), ...lines);
    }
    card.hidden = false;
    const [x, y] = map.toScreen(i);
    const box = map.host.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.left;
    const left = x + 14 + card.offsetWidth < room ? x + 14 : Math.max(4 - box.left, x - 14 - card.offsetWidth);
    card.style.left = `${left}px`;
    card.style.top = `${Math.max(4 - box.top, y - card.offsetHeight / 2)}px`;
  }
}

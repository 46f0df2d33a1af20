// Elements: short ways to build the page; every text is set as text.

/** An element with properties (`dataset` and `aria` as objects), children and texts; null children are left out. */
export function element(name, { dataset, aria, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  Object.assign(made.dataset, dataset);
  for (const [key, value] of Object.entries(aria ?? {})) made.setAttribute(`aria-${key}`, value);
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** An SVG element with attributes. */
export function drawing(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A button; `label` says what it does where its text is too short to. */
export function button(text, act, label = "") {
  const made = element("button", { type: "button", textContent: text });
  if (label) made.setAttribute("aria-label", (made.title = label));
  made.addEventListener("click", act);
  return made;
}

/** A labelled menu: `options` are [value, text] or [value, text, disabled]. */
export function menu(label, options, value, act) {
  const made = element("select", {}, options.map(([key, text, disabled]) =>
    element("option", { value: key, textContent: text, disabled: !!disabled })));
  made.value = value;
  made.ariaLabel = label;
  made.addEventListener("change", () => act(made.value));
  return element("label", {}, `${label} `, made);
}

/** Buttons of which one or several are pressed. */
export function chips(label, options, pressed, act) {
  return element("div", { className: "chips", role: "group", ariaLabel: label }, options.map(([key, text]) =>
    element("button", {
      type: "button", textContent: text, onclick: () => act(key), dataset: { key }, aria: { pressed: pressed.includes(key) },
    })));
}

/** A place that says that something is empty, on its way or wrong, and what to do. */
export function notice(title, text = "", ...more) {
  const says = text && element("p", {}, text);
  return element("div", { className: "state" }, element("p", { className: "state-title" }, title), says, more);
}

/** Tell a screen reader. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

// Address: the state of the page as the part of the address after the number sign: #map?run=first&colour=class.

const FIRST = "map";

/** Which page is asked for, and its state as texts. */
export function read() {
  const [page, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { page: page || FIRST, state: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

/** The address of a page in a state; empty values are left out. */
export function link(page, state) {
  const kept = Object.entries(state).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(kept).toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%7E", "~").replaceAll("%2F", "/");
  return `#${page}${query ? `?${query}` : ""}`;
}

/** Write changes of the state into the address; the page that made them has already drawn them. */
export function keep(changes) {
  const { page, state } = read();
  history.replaceState(null, "", link(page, { ...state, ...changes }));
}

/** Go to a page in a state, as a click on a link would. */
export function go(page, state) {
  const address = link(page, state);
  if (address === location.hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = address;
}

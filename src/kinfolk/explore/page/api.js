// API: asks the server; an answer that is an error becomes a Refused with a sentence for the reader.

const SILENT = "The server does not answer. Start kinfolk explore again in its terminal if it has ended, then reload this page.";
const READERS = { i4: Int32Array, f4: Float32Array };

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The address of something of a run: `path("first", "images")`; settings that are empty are left out. */
export function path(run, rest, settings = {}) {
  const kept = Object.entries(settings).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(kept).toString();
  return `/api/runs/${encodeURIComponent(run)}/${rest}${query ? `?${query}` : ""}`;
}

async function ask(address, options) {
  const answer = await fetch(address, options).catch((error) => {
    throw error.name === "AbortError" ? error : new Refused(SILENT, 0);
  });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refused(told.error ?? `The server answered ${answer.status}.`, answer.status);
}

/** A JSON answer. */
export async function json(address, options) {
  return (await ask(address, options)).json();
}

function posted(body) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

/** Send a JSON body, get a JSON answer. */
export function send(address, body) {
  return json(address, posted(body));
}

/** A file as an answer to a JSON body. */
export async function blob(address, body) {
  return (await ask(address, posted(body))).blob();
}

/** A table of columns as typed arrays, or `{ state: "computing", done }` while the server is at it. */
export async function table(address) {
  const answer = await ask(`${address}${address.includes("?") ? "&" : "?"}format=binary`);
  if (answer.status === 202) return answer.json();
  const count = Number(answer.headers.get("X-Count"));
  const body = await answer.arrayBuffer();
  const columns = {};
  answer.headers.get("X-Columns").split(",").forEach((column, k) => {
    const [name, kind] = column.trim().split(":");
    columns[name] = new READERS[kind](body, 4 * count * k, count);
  });
  return { count, columns, source: answer.headers.get("X-Source") };
}

const MOST = 40; // answers kept
const answers = new Map();

/** The same as `table`, asked once: answers that are complete are kept while the page is open. */
export function kept(address) {
  if (!answers.has(address)) {
    const asked = table(address);
    answers.set(address, asked);
    if (answers.size > MOST) answers.delete(answers.keys().next().value);
    asked.then((found) => found.columns ?? answers.delete(address), () => answers.delete(address));
  }
  return answers.get(address);
}

/** Wait some milliseconds. */
export function pause(time) {
  return new Promise((done) => setTimeout(done, time));
}

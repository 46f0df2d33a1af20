// Follow: the loss terms of a run, drawn again as long as it trains.

import { json, path, pause } from "./api.js";
import { charts } from "./lines.js";

const EVERY = 2000; // milliseconds

/** Draw the log of `run` into `place`: the first `most` charts; `told` hears its state each time. */
export async function follow(run, place, signal, most = Infinity, told = () => {}) {
  const log = { rows: [], validation: [], watch: [] };
  let after = -1;
  for (;;) {
    const found = await json(path(run.key, "log", { after }), { signal }).catch(() => null);
    if (signal.aborted) return;
    if (!found) return;
    if (found.step < after) {
      Object.assign(log, { rows: [], validation: [], watch: [] });
      after = -1;
      continue;
    }
    for (const key of Object.keys(log)) log[key].push(...found[key]);
    if (after < 0 || found.step > after) place.replaceChildren(...charts(log).slice(0, most));
    after = Math.max(after, found.step ?? after);
    told(found.state, log);
    if (found.state !== "training") return;
    await pause(EVERY);
    if (signal.aborted) return;
  }
}

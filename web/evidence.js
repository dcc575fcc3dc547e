/* evidence.js - what the results say about each moment.
 *
 * A result is about a whole window, and the network hears an instrument wherever in it: so an
 * instrument is heard until a window after it has left. A moment is therefore given the least that
 * the windows made of it in which it lay well inside: what sounded then, all of them heard. Heat
 * begins and ends where the marks of entries and exits are, which the daemon traces back as well.
 * Of the last moments not all windows are known yet; they are corrected as results come.
 */
const EDGE = 1 / 8; // of a window: what sounds for less at either end may not be heard

/* How long a moment may still be corrected, s. */
export const unsettled_s = (window_s) => (1 - EDGE) * window_s;

/* Pieces of time {from_s, to_s, p}, in order, from the first one that ends after since_s. columns:
 * {from_s, to_s, p} of results: p is of the window that ends at to_s. hop_s apart, or more after a
 * break, behind which windows begin anew; gaps: {from_s, to_s} of lost sound. */
export function* evidence({ columns, gaps, hop_s, window_s }, since_s) {
  let first = columns.length;
  while (first > 0 && columns[first - 1].to_s > since_s) first--;
  for (let i = first; i < columns.length; i++) {
    const { from_s, to_s } = columns[i];
    const earlier = columns[i - 1];
    const follows = earlier !== undefined && from_s - earlier.to_s < hop_s / 2;
    if (!follows) yield* beginning(columns, i, { gaps, hop_s, window_s });
    yield { from_s, to_s, p: least(columns, i, (from_s + to_s) / 2, hop_s, window_s) };
  }
}

/* The first window after a break is about all the time that it holds. */
function* beginning(columns, i, { gaps, hop_s, window_s }) {
  const { from_s, to_s } = columns[i];
  const lost_s = gaps.filter((gap) => gap.to_s <= to_s).map((gap) => gap.to_s);
  const start_s = Math.max(0, to_s - window_s, columns[i - 1]?.to_s ?? 0, ...lost_s);
  const pieces = Math.ceil((from_s - start_s) / Math.max(hop_s, window_s / 16));
  for (let k = 0; k < pieces; k++) {
    const [left, right] = [k, k + 1].map((n) => start_s + (n * (from_s - start_s)) / pieces);
    const p = least(columns, i, (left + right) / 2, hop_s, window_s);
    yield { from_s: left, to_s: right, p };
  }
}

/* The least of the windows that hold moment_s, from column i on and up to the next break. */
function least(columns, i, moment_s, hop_s, window_s) {
  const soonest_s = moment_s + EDGE * window_s;
  const latest_s = moment_s + (1 - EDGE) * window_s;
  let p = columns[i].p; // until a better one is known
  let own = false;
  for (let j = i; j < columns.length && columns[j].to_s <= latest_s; j++) {
    if (j > i && columns[j].from_s - columns[j - 1].to_s >= hop_s / 2) break;
    if (own) {
      for (let k = 0; k < p.length; k++) p[k] = Math.min(p[k], columns[j].p[k]);
    } else if (columns[j].to_s >= soonest_s) {
      p = Float32Array.from(columns[j].p);
      own = true;
    } else {
      p = columns[j].p;
    }
  }
  return p;
}

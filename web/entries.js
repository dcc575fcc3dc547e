/* entries.js - the last entries as a short list with times that can be read and written down:
 * "saxophone 21:14:03 (0:12 ago)", the newest first. As many are seen as there is room for in a
 * line; screen readers find them all.
 */
import { DAY_S, agoText, clockText } from './format.js';

export const MOST_ENTRIES = 4;

export class Entries {
  #shown = '';

  constructor(list) {
    this.list = list;
  }

  /* entries: [{name, time (of day, s since 1970), ago_s}]. */
  show(entries) {
    const rows = entries.map(({ name, time, ago_s }) => [
      name,
      clockText(time, { dated: ago_s >= DAY_S }),
      agoText(ago_s),
    ]);
    const said = JSON.stringify(rows);
    if (said === this.#shown) return;
    this.#shown = said;
    this.list.hidden = rows.length === 0;
    const items = this.list.children;
    while (items.length > rows.length) items[items.length - 1].remove();
    while (items.length < rows.length) this.list.append(this.#item());
    rows.forEach(([name, clock, ago], i) => {
      const [what, when, past] = items[i].children;
      const texts = [name, clock, `(${ago} ago)`];
      [what, when, past].forEach((part, k) => {
        if (part.textContent !== texts[k]) part.textContent = texts[k];
      });
      if (when.dateTime !== clock) when.dateTime = clock;
    });
  }

  #item() {
    const item = document.createElement('li');
    const parts = ['span', 'time', 'span'].map((kind) => document.createElement(kind));
    item.append(parts[0], ' ', parts[1], ' ', parts[2]);
    return item;
  }
}

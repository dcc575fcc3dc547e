/* headline.js - the instruments that play now, in type as large as fits.
 *
 * Names stand in the order in which they came, so that the line is calm. They slide to a new
 * place and size rather than jump; those that leave fade out where they stood.
 */
import { capitalized } from './format.js';

const SIZES = Array.from({ length: 40 }, (_, i) => 1 - i * 0.0225); // of the largest
const MOVE = { duration: 700, easing: 'cubic-bezier(0.2, 0.7, 0.1, 1)' };
const ENTER = { ...MOVE, delay: 200, fill: 'backwards' }; // when those that leave are faint
const LEAVE = { duration: 500, easing: 'ease-out', fill: 'forwards' };

export class Headline {
  #names = []; // shown now, in order
  #items = new Map(); // name -> li
  #rest = '';
  #calm = matchMedia('(prefers-reduced-motion: reduce)');

  /* box: where it stands, of a size that does not depend on what is in it. list: the <ul> in it.
   * rest: what to say while nothing plays. */
  constructor({ box, list, rest }) {
    Object.assign(this, { box, list, rest });
    new ResizeObserver(() => this.#fit()).observe(box);
  }

  /* names: what plays now, in order of entry; names that stand already keep their places. restText
   * and restKind stand in while there are none. animate: false while nobody watches. Returns the
   * names in the order shown. */
  show(names, restText, restKind, animate) {
    const wanted = new Set(names);
    const next = this.#names.filter((name) => wanted.has(name));
    for (const name of wanted) if (!this.#items.has(name)) next.push(name);
    const same =
      next.length === this.#names.length && next.every((name, i) => name === this.#names[i]);
    if (same && restText === this.#rest) return next;
    this.#change(next, restText, restKind, animate && !this.#calm.matches);
    return next;
  }

  #change(next, restText, restKind, animate) {
    const before = new Map();
    for (const [name, item] of this.#items) before.set(name, item.getBoundingClientRect());
    for (const name of this.#names) {
      if (next.includes(name)) continue;
      const item = this.#items.get(name);
      this.#items.delete(name);
      if (animate) this.#fade(item, before.get(name));
      item.remove();
    }
    for (const name of next) {
      if (this.#items.has(name)) continue;
      const item = document.createElement('li');
      item.textContent = capitalized(name);
      this.#items.set(name, item);
      this.list.append(item, ' '); // the space is where a line may break
    }
    this.#tidy();
    this.#names = next;
    this.#rest = restText;
    this.rest.textContent = restText;
    this.rest.dataset.kind = restKind;
    this.rest.hidden = next.length > 0;
    this.list.hidden = next.length === 0;
    this.#fit();
    if (animate) for (const [name, item] of this.#items) this.#move(item, before.get(name));
  }

  /* Leaves exactly one space after each item. */
  #tidy() {
    const items = [...this.#items.values()];
    this.list.replaceChildren(...items.flatMap((item) => [item, ' ']));
  }

  /* The largest size at which everything fits. */
  #fit() {
    for (const size of SIZES) {
      this.box.style.setProperty('--fit', size);
      const { scrollHeight, clientHeight, scrollWidth, clientWidth } = this.box;
      if (scrollHeight <= clientHeight + 1 && scrollWidth <= clientWidth + 1) return;
    }
  }

  #move(item, from) {
    if (!from) {
      item.animate([{ opacity: 0, transform: 'translateY(0.12em)' }, { opacity: 1 }], ENTER);
      return;
    }
    const to = item.getBoundingClientRect();
    const scale = to.height > 0 ? from.height / to.height : 1;
    const x = from.left - to.left;
    const y = from.top - to.top;
    if (Math.abs(x) + Math.abs(y) < 1 && Math.abs(scale - 1) < 0.01) return;
    item.animate(
      [{ transform: `translate(${x}px, ${y}px) scale(${scale})` }, { transform: 'none' }],
      MOVE,
    );
  }

  /* A copy that stays where the name stood, out of the flow, until it has faded. */
  #fade(item, from) {
    const ghost = document.createElement('span');
    const frame = this.box.getBoundingClientRect();
    ghost.textContent = item.textContent;
    ghost.className = 'ghost';
    ghost.setAttribute('aria-hidden', 'true');
    ghost.style.setProperty('left', `${from.left - frame.left}px`);
    ghost.style.setProperty('top', `${from.top - frame.top}px`);
    ghost.style.setProperty('font-size', getComputedStyle(item).fontSize);
    this.box.append(ghost);
    const done = ghost.animate([{ opacity: 0.8 }, { opacity: 0 }], LEAVE);
    done.finished.catch(() => {}).finally(() => ghost.remove());
  }
}

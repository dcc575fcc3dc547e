/* headline.js - the instruments that play now, in type as large as fits.
 *
 * Names stand in the order in which they came, so that the line is calm. What stays where it is
 * does not move. All else fades out entirely before anything fades in at its new place and size,
 * so two words are never seen on the same spot. Changes that follow each other closely become one;
 * where animations are late nevertheless, the one that goes on is ended before the next begins.
 */
import { capitalized } from './format.js';

const SIZES = Array.from({ length: 40 }, (_, i) => 1 - i * 0.0225); // of the largest
const LEAVE = { duration: 140, easing: 'ease-out', fill: 'forwards' };
const ENTER = { duration: 360, delay: LEAVE.duration, easing: 'ease-out', fill: 'backwards' };
const HOLD_MS = 700; // from one change of the names to the next: it can be read, and has settled
const SAME_PX = 1;
const READABLE_REM = 1.25; // rather than smaller than this, words break in their middle

export class Headline {
  #names = []; // shown now, in order
  #items = new Map(); // name -> li
  #rest = '';
  #changed_ms = -Infinity; // when the names changed last
  #leaving = null; // the one ghost there is, in the box: what fades out
  #held = null; // what to show once they have stood long enough
  #release = 0;
  #calm = matchMedia('(prefers-reduced-motion: reduce)');

  /* box: where it stands, of a size that does not depend on what is in it. list: the <ul> in it.
   * rest: what to say while nothing plays. */
  constructor({ box, list, rest }) {
    Object.assign(this, { box, list, rest });
    new ResizeObserver(() => this.#fit()).observe(box);
  }

  /* names: what plays now, in order of entry; names that stand already keep their places. restText
   * and restKind stand in while there are none. animate: false while nobody watches; then nothing
   * is held back either. Returns the names in the order in which they are shown, now or soon. */
  show(names, restText, restKind, animate) {
    const wanted = new Set(names);
    const next = this.#names.filter((name) => wanted.has(name));
    for (const name of wanted) if (!this.#items.has(name)) next.push(name);
    this.#held = null;
    const same =
      next.length === this.#names.length && next.every((name, i) => name === this.#names[i]);
    if (same && restText === this.#rest) return next;
    const wait_ms = same || !animate ? 0 : this.#changed_ms + HOLD_MS - performance.now();
    if (wait_ms > 0) {
      this.#held = [names, restText, restKind, animate];
      clearTimeout(this.#release);
      this.#release = setTimeout(() => this.#held && this.show(...this.#held), wait_ms + 1);
    } else {
      if (!same) this.#changed_ms = performance.now();
      this.#change(next, restText, restKind, animate && !this.#calm.matches);
    }
    return next;
  }

  #change(next, restText, restKind, animate) {
    this.#settle();
    const before = animate ? this.#places() : null;
    const ghost = animate ? this.#ghost() : null;
    for (const name of this.#names) if (!next.includes(name)) this.#items.delete(name);
    for (const name of next) {
      if (this.#items.has(name)) continue;
      const item = document.createElement('li');
      item.textContent = capitalized(name);
      this.#items.set(name, item);
    }
    // One space after each item: there a line may break.
    this.list.replaceChildren(...[...this.#items.values()].flatMap((item) => [item, ' ']));
    const former = this.#names;
    this.#names = next;
    this.#rest = restText;
    this.rest.textContent = restText;
    this.rest.dataset.kind = restKind;
    this.rest.hidden = next.length > 0;
    this.list.hidden = next.length === 0;
    this.#fit();
    if (animate) this.#crossFade(former, before, ghost);
  }

  /* Ends what goes on of the change before: all that stands is seen, and nothing else. */
  #settle() {
    this.#leaving?.remove();
    this.#leaving = null;
    for (const animation of this.box.getAnimations({ subtree: true })) animation.cancel();
  }

  /* The largest size at which everything fits and no word is broken; words break only where they
   * would get too small to read. What is fading out does not count: it keeps the size that it had,
   * and would make what comes small. */
  #fit() {
    this.#leaving?.style.setProperty('display', 'none');
    const { box } = this;
    const fits = (size) => {
      box.style.setProperty('--fit', size);
      const { scrollHeight, clientHeight, scrollWidth, clientWidth } = box;
      return scrollHeight <= clientHeight + 1 && scrollWidth <= clientWidth + 1;
    };
    box.classList.remove('breaking');
    box.style.setProperty('--fit', 1);
    const px = (element) => parseFloat(getComputedStyle(element).fontSize);
    const least = (READABLE_REM * px(document.documentElement)) / px(box);
    if (SIZES.filter((size) => size >= least).find(fits) === undefined) {
      box.classList.add('breaking');
      SIZES.filter((size) => size < least).find(fits);
    }
    this.#leaving?.style.removeProperty('display');
  }

  #places() {
    return new Map([...this.#items].map(([name, item]) => [name, item.getBoundingClientRect()]));
  }

  /* A copy of all that is seen now, which stays as it is while the headline is set anew. */
  #ghost() {
    const original = this.list.hidden ? this.rest : this.list;
    const frame = this.box.getBoundingClientRect();
    const place = original.getBoundingClientRect();
    const ghost = original.cloneNode(true);
    ghost.removeAttribute('id');
    ghost.className = 'ghost';
    ghost.setAttribute('aria-hidden', 'true');
    ghost.style.setProperty('left', `${place.left - frame.left}px`);
    ghost.style.setProperty('top', `${place.top - frame.top}px`);
    ghost.style.setProperty('width', `${place.width}px`);
    const style = getComputedStyle(original);
    for (const size of ['font-size', 'letter-spacing'])
      ghost.style.setProperty(size, style.getPropertyValue(size));
    return ghost;
  }

  /* former: the names in the ghost. A name that has its place, size and separator as before is left
   * alone. */
  #crossFade(former, before, ghost) {
    for (const [name, item] of this.#items) {
      const was = before.get(name);
      const is = item.getBoundingClientRect();
      const stays = ['left', 'top', 'width', 'height'].every(
        (side) => was && Math.abs(was[side] - is[side]) < SAME_PX,
      );
      if (stays) ghost.children[former.indexOf(name)].style.setProperty('visibility', 'hidden');
      else item.animate([{ opacity: 0 }, { opacity: 1 }], ENTER);
    }
    if (!this.rest.hidden) this.rest.animate([{ opacity: 0 }, { opacity: 1 }], ENTER);
    this.#leaving = ghost;
    this.box.append(ghost);
    const done = ghost.animate([{ opacity: 1 }, { opacity: 0 }], LEAVE);
    done.finished.catch(() => {}).finally(() => ghost.remove());
  }
}

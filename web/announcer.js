/* announcer.js - tells screen readers what plays, without talking all the time.
 *
 * A change is spoken once it has lasted, and no more often than a person can listen: several
 * changes become one sentence. Trouble is spoken sooner.
 */

const SETTLE_MS = 1500;
const BETWEEN_MS = 8000;

export class Announcer {
  #timer = 0;
  #waiting = '';
  #spoken = '';
  #spoken_ms = -Infinity;

  /* region: an element with aria-live="polite". */
  constructor(region) {
    this.region = region;
  }

  /* The sentence that is true now. urgent: need not wait for its turn. */
  say(sentence, { urgent = false } = {}) {
    if (sentence === this.#waiting) return;
    clearTimeout(this.#timer);
    this.#waiting = sentence;
    if (!sentence || sentence === this.#spoken) return;
    const turn_ms = urgent ? 0 : this.#spoken_ms + BETWEEN_MS - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#spoken = sentence;
        this.#spoken_ms = performance.now();
        this.region.textContent = sentence;
      },
      Math.max(SETTLE_MS, turn_ms),
    );
  }
}

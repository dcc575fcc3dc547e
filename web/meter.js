/* meter.js - the level of the input: RMS as a bar, the peak as a tick that holds and then falls,
 * and a clip light that stays lit long enough to be seen.
 */
import { levelText } from './format.js';

const BOTTOM_DBFS = -60;
const HOLD_MS = 1500;
const FALL_DB_PER_S = 20; // after that, as the daemon's own peak falls
const CLIP_MS = 5000;
const SPOKEN_MS = 1000;

/* -60 ... 0 dBFS -> 0 ... 1. */
const place = (dbfs) =>
  Number.isFinite(dbfs) ? Math.min(1, Math.max(0, 1 - dbfs / BOTTOM_DBFS)) : 0;

export class Meter {
  #hold_dbfs = -Infinity;
  #held_ms = -Infinity;
  #shown_ms = 0;
  #clipped_ms = -Infinity;
  #measured = false;
  #spoken_ms = -Infinity;

  /* parts: {root (role=meter), level, peak, text, clip}. */
  constructor(parts) {
    this.parts = parts;
  }

  /* A frame's level_dbfs, peak_dbfs, clipped; null when there is no sound to measure. The same
   * frame may be shown again. */
  show(frame, now_ms) {
    const level = frame?.level_dbfs ?? -Infinity;
    const peak = frame?.peak_dbfs ?? -Infinity;
    const falling = this.#hold_dbfs - (FALL_DB_PER_S * (now_ms - this.#shown_ms)) / 1000;
    const held = now_ms - this.#held_ms < HOLD_MS ? this.#hold_dbfs : falling;
    if (peak >= held) this.#held_ms = now_ms;
    this.#hold_dbfs = Math.max(peak, held);
    this.#shown_ms = now_ms;
    if (frame?.clipped) this.#clipped_ms = now_ms;

    const { level: bar, peak: tick, clip } = this.parts;
    bar.style.setProperty('--at', place(level).toFixed(3));
    tick.style.setProperty('--at', place(this.#hold_dbfs).toFixed(3));
    tick.classList.toggle('hot', this.#hold_dbfs > -6);
    clip.classList.toggle('lit', now_ms - this.#clipped_ms < CLIP_MS);
    if (now_ms - this.#spoken_ms < SPOKEN_MS && (frame !== null) === this.#measured) return;
    this.#measured = frame !== null;
    this.#spoken_ms = now_ms;
    this.#write(frame ? levelText(level) : '–', level, now_ms);
  }

  #write(text, level, now_ms) {
    const clipping = now_ms - this.#clipped_ms < CLIP_MS ? ', clipping' : '';
    this.parts.text.textContent = text;
    this.parts.root.setAttribute('aria-valuenow', Math.round(BOTTOM_DBFS * (1 - place(level))));
    this.parts.root.setAttribute('aria-valuetext', text + clipping);
  }
}

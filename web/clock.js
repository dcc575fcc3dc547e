/* clock.js - which moment of the sound the page shows now.
 *
 * Frames arrive unevenly; the heat map shall scroll evenly. The clock learns the smallest delay
 * between a frame's time and its arrival, runs on this machine's clock, and stays one hop behind
 * so that there is always something to show. It also tells how late frames are, measured against
 * the promptest of the last minutes; the clocks of daemon and visitor need not agree.
 */

const BASELINE_S = 150; // half the memory of the smallest delay

export class DisplayClock {
  constructor() {
    this.reset();
  }

  reset() {
    this.last_s = null; // time of the newest frame
    this.shown_s = null;
    this.delay_s = 0; // of the newest frame
    this.smallest_s = [Infinity, Infinity]; // in the previous and the present period
    this.period_end_s = -Infinity;
    this.hop_s = 0.25;
  }

  /* A frame that ends at t (s of sound) arrived at now_ms (of performance.now()). */
  frame(t, now_ms, hop_s) {
    const now_s = now_ms / 1000;
    this.delay_s = now_s - t;
    if (now_s > this.period_end_s) {
      this.smallest_s = [this.smallest_s[1], Infinity];
      this.period_end_s = now_s + BASELINE_S;
    }
    this.smallest_s[1] = Math.min(this.smallest_s[1], this.delay_s);
    this.last_s = t;
    this.hop_s = hop_s;
  }

  /* The moment to show at now_ms, s of sound; null before the first frame. Never decreases. */
  now(now_ms) {
    if (this.last_s === null) return null;
    const running_s = now_ms / 1000 - Math.min(...this.smallest_s) - this.hop_s;
    const target_s = Math.min(this.last_s, running_s);
    this.shown_s = Math.max(this.shown_s ?? this.last_s - this.hop_s, target_s);
    return this.shown_s;
  }

  /* By how much the newest frame was late, s. */
  lateness_s() {
    return this.last_s === null ? 0 : this.delay_s - Math.min(...this.smallest_s);
  }
}

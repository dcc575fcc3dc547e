/* clock.js - which moment of the sound the page shows now.
 *
 * Frames arrive unevenly; the heat map shall scroll evenly. The clock learns the smallest delay
 * between the time of day at which a frame's sound was heard and the frame's arrival, runs on this
 * machine's clock, and stays one hop behind so that there is always something to show. It also
 * tells how late frames are, measured against the promptest of the last minutes; the clocks of
 * daemon and visitor need not agree.
 *
 * The time of day counts, not t: when the source pauses, t stands still and is behind any clock
 * from then on, without anything being late.
 */

const BASELINE_S = 150; // half the memory of the smallest delay
const SET_BACK_S = 0.5; // by more than what corrects drift, the daemon's clock was set back

export class DisplayClock {
  constructor() {
    this.reset();
  }

  reset() {
    this.last_s = null; // t of the newest frame
    this.start_s = null; // time of day of t = 0, by the newest frame
    this.shown_s = null;
    this.hop_s = 0.25;
    this.#forget();
  }

  #forget() {
    this.delay_s = 0; // of the newest frame
    this.smallest_s = [Infinity, Infinity]; // in the previous and the present period
    this.period_end_s = -Infinity;
  }

  /* A frame that ends at t (s of sound), heard at time_s (time of day, s; without one t counts),
   * arrived at now_ms (of performance.now()). */
  frame(t, time_s, now_ms, hop_s) {
    const now_s = now_ms / 1000;
    const start_s = Number.isFinite(time_s) ? time_s - t : 0;
    // Then old delays compare with nothing. After a pause it moves forward: they still hold.
    if (start_s < this.start_s - SET_BACK_S) this.#forget();
    this.start_s = start_s;
    this.delay_s = now_s - start_s - t;
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
    const running_s = now_ms / 1000 - this.start_s - Math.min(...this.smallest_s) - this.hop_s;
    const target_s = Math.min(this.last_s, running_s);
    this.shown_s = Math.max(this.shown_s ?? this.last_s - this.hop_s, target_s);
    return this.shown_s;
  }

  /* The time of day at now_ms by the daemon's clock, s since 1970; null before the first frame. */
  timeOfDay_s(now_ms) {
    return this.last_s === null ? null : now_ms / 1000 - Math.min(...this.smallest_s);
  }

  /* By how much the newest frame was late, s. */
  lateness_s() {
    return this.last_s === null ? 0 : this.delay_s - Math.min(...this.smallest_s);
  }
}

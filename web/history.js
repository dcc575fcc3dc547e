/* history.js - what was heard in the last minutes, bounded: probabilities per frame, the spans in
 * which each instrument was present, and the stretches of sound that were lost.
 *
 * Times are seconds of sound since the source's first sample, as in the daemon's events. A frame
 * that was seen before is ignored, so a replay after a reconnect doubles nothing. The first frame
 * after a reconnect may come from a daemon that was started anew; then the history is emptied.
 */

const MAX_COLUMNS = 8192;
const MAX_SPANS = 1024;
const MAX_STRETCH = 64;
const MARGIN_S = 5; // kept beyond what is shown
const KEPT_ENTRIES = 6; // however long ago
const SAME_RUN_S = 2; // time - t of two frames of one run differs by less, while clocks are sane

export class History {
  constructor(keep_s) {
    this.keep_s = keep_s;
    this.run = 0; // counts how often it was emptied
    this.reset([], 0.25, 0);
  }

  /* Empties it, for these labels, this time between frames, and windows of this length. */
  reset(labels, hop_s, window_s = 0) {
    this.labels = labels;
    this.window_s = window_s > 0 && window_s <= 60 ? window_s : 0;
    this.hop_s = hop_s > 0 && hop_s < 60 ? hop_s : 0.25;
    this.set_hop_s = this.hop_s; // as it was asked for; a slow machine stretches it
    this.columns = []; // {from_s, to_s, p}, ordered, without overlaps; see evidence.js
    // {label: index, on_s, time: of day or NaN, off_s: null while open, exact_on, exact_off}
    this.spans = [];
    this.gaps = []; // {from_s, to_s}
    this.last_s = null;
    this.started_s = null; // wall-clock time of t = 0
    this.reconnected = false;
    this.run++;
  }

  /* Results come every so many hops; 1 unless the machine is too slow. */
  stretch(factor) {
    this.hop_s = this.set_hop_s * (factor >= 1 && factor <= MAX_STRETCH ? factor : 1);
  }

  /* The connection is a new one. */
  expectRestart() {
    this.reconnected = true;
  }

  /* Takes a frame event. Returns "new", "seen" or "restarted" (emptied first, then taken), or
   * "bad" if it is not one for these labels. */
  addFrame(frame) {
    const { t, time, p, on } = frame;
    if (!Number.isFinite(t) || !Array.isArray(p) || p.length !== this.labels.length) return 'bad';
    const started_s = Number.isFinite(time) ? time - t : this.started_s;
    const restarted = this.reconnected && this.#isOfAnotherRun(t, started_s);
    this.reconnected = false;
    if (restarted) this.#restart();
    else if (this.last_s !== null && t <= this.last_s) return 'seen';
    this.started_s = started_s;
    const from_s = Math.max(t - this.hop_s, this.columns.at(-1)?.to_s ?? -Infinity);
    this.columns.push({ from_s, to_s: t, p: Float32Array.from(p) });
    this.last_s = t;
    this.#follow(t, new Set(Array.isArray(on) ? on : []));
    this.#forget();
    return restarted ? 'restarted' : 'new';
  }

  #restart() {
    const { hop_s } = this;
    this.reset(this.labels, this.set_hop_s, this.window_s);
    this.hop_s = hop_s;
  }

  /* Within a run the daemon sends nothing twice, and t = 0 stays where it is but for corrections
   * of the clock. A false alarm costs a request for the history, no more. */
  #isOfAnotherRun(t, started_s) {
    if (this.last_s === null) return false;
    if (t <= this.last_s || this.started_s === null) return true;
    return Math.abs(started_s - this.started_s) > SAME_RUN_S;
  }

  /* Takes steps of /api/v1/history, each as long as step_s; only the parts of time that hold no
   * column yet are filled. Without a frame so far the newest step is the newest known moment. */
  addSteps(steps, step_s) {
    this.last_s ??= steps.findLast(({ t }) => Number.isFinite(t))?.t ?? null;
    const held = this.columns;
    const filled = [];
    for (const { t, p } of steps) {
      if (!Number.isFinite(t) || !Array.isArray(p) || p.length !== this.labels.length) continue;
      // A step from t to t + step averages the frames that end in it: the sound before them.
      const from_s = t - this.hop_s;
      const to_s = Math.min(from_s + step_s, this.last_s);
      const middle_s = (from_s + to_s) / 2;
      if (!held.some((column) => column.from_s <= middle_s && middle_s < column.to_s))
        filled.push({ from_s, to_s, p: Float32Array.from(p) });
    }
    const all = [...held, ...filled].sort((a, b) => a.from_s - b.from_s);
    for (let i = 0; i + 1 < all.length; i++) all[i].to_s = Math.min(all[i].to_s, all[i + 1].from_s);
    this.columns = all.filter((column) => column.to_s > column.from_s);
    this.#forget();
  }

  /* An instrument came in or left at t, noticed only now. time: of day, s since 1970. */
  onset(label, t, time) {
    const index = this.labels.indexOf(label);
    if (index < 0 || !Number.isFinite(t)) return;
    const known = this.spans.some(
      (span) => span.label === index && span.exact_on && span.on_s === t,
    );
    if (known) return;
    const open = this.#open(index);
    if (open && !open.exact_on) Object.assign(open, { on_s: t, time, exact_on: true });
    else if (!open) this.#begin(index, t, true, time);
  }

  offset(label, t) {
    const index = this.labels.indexOf(label);
    if (index < 0 || !Number.isFinite(t)) return;
    // Not the last one that was kept: what was over before the page was opened is learnt later.
    const span = this.spans
      .filter((candidate) => candidate.label === index && candidate.on_s <= t)
      .reduce((last, one) => (last === null || one.on_s >= last.on_s ? one : last), null);
    if (!span || span.exact_off) return;
    Object.assign(span, { off_s: t, exact_off: true });
  }

  /* Since when the label with this index is present; the newest moment if that is not known. */
  since_s(index) {
    return this.#open(index)?.on_s ?? this.last_s;
  }

  /* The last entries, the newest first: {label: index, on_s, time: of day, s since 1970, or NaN}.
   * What was gone in the moment in which it came is none. */
  entries(count) {
    return this.spans
      .filter(({ exact_on, on_s, off_s }) => exact_on && (off_s === null || off_s > on_s))
      .sort((a, b) => b.on_s - a.on_s)
      .slice(0, count)
      .map(({ label, on_s, time }) => ({
        label,
        on_s,
        time: Number.isFinite(time) ? time : (this.started_s ?? NaN) + on_s,
      }));
  }

  /* Takes entries and exits as /api/v1/cues tells them; those known already are ignored. */
  addCues(cues) {
    for (const { label, on_s, off_s, time } of cues) {
      const over = Number.isFinite(off_s) && off_s >= on_s; // null: it still sounds
      if (over) this.#past({ label: this.labels.indexOf(label), on_s, off_s, time });
      else this.onset(label, on_s, time);
    }
    this.#forget();
  }

  /* What is over, whatever the label does now. */
  #past({ label, on_s, off_s, time }) {
    if (label < 0 || !Number.isFinite(on_s)) return;
    const exact = { on_s, off_s, time, exact_on: true, exact_off: true };
    const same = this.spans.find(
      (span) => span.label === label && span.exact_on && span.on_s === on_s,
    );
    if (same && !same.exact_off) Object.assign(same, exact);
    if (!same) this.#keep({ label, ...exact });
  }

  /* lost_s seconds of sound before t never arrived. */
  gap(t, lost_s) {
    const to_s = Number.isFinite(t) ? t : this.last_s;
    if (to_s === null || !(lost_s > 0)) return;
    const gap = { from_s: to_s - lost_s, to_s };
    if (this.gaps.some((other) => other.to_s === gap.to_s)) return;
    this.gaps.push(gap);
    if (this.gaps.length > MAX_SPANS) this.gaps.shift();
  }

  #open(index) {
    return this.spans.find((span) => span.label === index && span.off_s === null);
  }

  #begin(index, t, exact, time) {
    this.#keep({ label: index, on_s: t, time, off_s: null, exact_on: exact, exact_off: false });
  }

  #keep(span) {
    this.spans.push(span);
    if (this.spans.length > MAX_SPANS) this.spans.shift();
  }

  /* Who is present is in each frame as well: so a lost onset or offset mends itself. */
  #follow(t, on) {
    this.labels.forEach((label, index) => {
      const open = this.#open(index);
      if (on.has(label) && !open) this.#begin(index, t, false);
      else if (!on.has(label) && open && t > open.on_s) open.off_s = t;
    });
  }

  #forget() {
    if (this.last_s === null) return;
    const oldest_s = this.last_s - this.keep_s - MARGIN_S;
    const past = this.columns.findIndex((column) => column.to_s > oldest_s);
    const surplus = Math.max(past, this.columns.length - MAX_COLUMNS);
    if (surplus > 0) this.columns.splice(0, surplus);
    if (this.spans[0]?.off_s < oldest_s || this.gaps[0]?.to_s < oldest_s) {
      const kept_s = Math.min(oldest_s, this.entries(KEPT_ENTRIES).at(-1)?.on_s ?? oldest_s);
      this.spans = this.spans.filter(
        ({ on_s, off_s }) => off_s === null || off_s >= oldest_s || on_s >= kept_s,
      );
      this.gaps = this.gaps.filter((gap) => gap.to_s >= oldest_s);
    }
  }
}

/* bars.js - the rows of the score: one per instrument, always in the order of the labels, each
 * with its name and a bar of its probability now.
 *
 * The bars glide from frame to frame by a CSS transition as long as a hop, which the compositor
 * runs without this code. Screen readers find each row as a meter.
 */
import { prettyName } from './format.js';

const SPOKEN_MS = 1000; // how often the values for screen readers change
const MOST_NAME = 0.4; // of the width, for the names' column, as in score.css

export class Bars {
  #rows = [];
  #spoken_ms = -Infinity;

  /* list: the <ol>; score: the element that gets the number of rows and the hop as --parts and
   * --hop, and the width of the longest name as --name. */
  constructor(list, score) {
    Object.assign(this, { list, score });
    new ResizeObserver(() => this.#measure()).observe(score);
  }

  reset(labels, hop_s) {
    this.score.style.setProperty('--parts', labels.length);
    this.score.style.setProperty('--hop', `${Math.round(hop_s * 1000)}ms`);
    this.#rows = labels.map((label) => this.#row(prettyName(label)));
    this.list.replaceChildren(...this.#rows.map(({ item }) => item));
    this.#measure();
  }

  /* enter: the probabilities from which each label counts as playing; leave: those below which it
   * stops. The tick of a row stands where its state changes next. */
  setThresholds(enter, leave = enter) {
    this.#rows.forEach(({ threshold, meter }, i) => {
      const known = enter[i] > 0 && enter[i] < 1;
      const below = leave[i] > 0 && leave[i] <= enter[i] ? leave[i] : enter[i];
      threshold.hidden = !known;
      if (!known) return;
      threshold.style.setProperty('--enter', enter[i]);
      threshold.style.setProperty('--leave', below);
      const percent = (p) => `${Math.round(100 * p)} %`;
      meter.title = `Counts as playing from ${percent(enter[i])}, until below ${percent(below)}`;
    });
  }

  /* p: one probability per label; on: a set of indices. */
  show(p, on, now_ms) {
    const speak = now_ms - this.#spoken_ms >= SPOKEN_MS;
    if (speak) this.#spoken_ms = now_ms;
    this.#rows.forEach((row, i) => {
      const value = Math.min(1, Math.max(0, p[i] || 0));
      if (Math.abs(value - row.value) > 0.002 || (value === 0 && row.value !== 0)) {
        row.value = value;
        row.bar.style.setProperty('transform', `scaleX(${value.toFixed(3)})`);
      }
      const present = on.has(i);
      if (present !== row.present || speak) this.#speak(row, present);
    });
  }

  #speak(row, present) {
    const percent = Math.round(100 * row.value);
    row.present = present;
    row.item.classList.toggle('on', present);
    row.meter.setAttribute('aria-valuenow', percent);
    row.meter.setAttribute('aria-valuetext', `${percent}%${present ? ', playing' : ''}`);
  }

  #row(name) {
    const item = document.createElement('li');
    const label = document.createElement('span');
    const meter = document.createElement('span');
    const bar = document.createElement('span');
    const threshold = document.createElement('span');
    label.className = 'name';
    label.textContent = name;
    label.title = name;
    label.setAttribute('aria-hidden', true); // the meter has the same name
    meter.className = 'track';
    meter.setAttribute('role', 'meter');
    meter.setAttribute('aria-label', name);
    meter.setAttribute('aria-valuemin', 0);
    meter.setAttribute('aria-valuemax', 100);
    meter.setAttribute('aria-valuenow', 0);
    bar.className = 'bar';
    threshold.className = 'threshold';
    threshold.hidden = true;
    meter.append(bar, threshold);
    item.append(label, meter);
    return { item, label, meter, bar, threshold, value: 0, present: false };
  }

  /* The names' column is as wide as the longest name, within what the style sheet allows; if
   * that is not enough, all are set smaller, as far as they can be read. */
  #measure() {
    const { score, list } = this;
    score.style.removeProperty('--name');
    score.style.removeProperty('--shrink');
    list.classList.add('measuring'); // all as wide as they get while they play
    const widest = () => Math.max(0, ...this.#rows.map(({ label }) => label.scrollWidth));
    const room = MOST_NAME * score.clientWidth;
    if (widest() > room) score.style.setProperty('--shrink', (room - 1) / widest());
    const width = widest();
    list.classList.remove('measuring');
    if (width > 0) score.style.setProperty('--name', `${width + 1}px`);
  }
}

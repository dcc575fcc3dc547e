/* heatmap.js - the last minutes as a scrolling score: one lane per instrument, colour for
 * probability, a line under each stretch in which the instrument was present, with a mark where it
 * came in and a smaller one where it left.
 *
 * What is known is painted on a "tape" that is a ring as wide as the picture; scrolling only copies
 * it. Only its end, about which the next results may say more, is painted again with each of them.
 * Everything happens in device pixels and is moved by whole ones, so edges stay sharp.
 * A lane without paint is time of which nothing is known: silence has a colour of its own.
 */
import { evidence, unsettled_s } from './evidence.js';
import { heatColour } from './palette.js';

const GRID_S = 30;
const TAPE_MARGIN_S = 10; // painted ahead of the moment shown
const LARGEST_PX = 8192;
const REM_PX = 16; // of type on a desk
const CROWDED = 3; // CSS pixels per second, below which marks get thin

export class HeatMap {
  #tape = document.createElement('canvas');
  #head_px = null; // the tape is painted up to here, device pixels since the sound began
  #shown_px = null;
  #colours = null;
  #scale = 1; // of lines and marks, which are larger where type is

  /* history: of history.js; shown_s: how much time the width stands for. */
  constructor(canvas, history, shown_s) {
    Object.assign(this, { canvas, history, shown_s });
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
    this.#watchDensity();
  }

  /* A window that moves to a screen with other pixels keeps its size. */
  #watchDensity() {
    const moved = () => {
      this.#resize();
      this.#watchDensity();
    };
    const same = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    same.addEventListener('change', moved, { once: true });
  }

  /* {ramp, line, mark, halo, warning}: a heat ramp and CSS colours. */
  setColours(colours) {
    this.#colours = colours;
    this.repaint();
  }

  /* Paints all anew: other labels, other colours, another size, or filled from the past. */
  repaint() {
    this.#head_px = null;
    this.#shown_px = null;
  }

  /* Shows the time up to t (s of sound; null: nothing yet). Does nothing if no pixel moves;
   * changed: marks or frames have come. */
  draw(t, changed) {
    const { width, height } = this.canvas;
    if (!this.#colours || width === 0 || height === 0) return;
    const right_px = t === null ? 0 : Math.round(t * this.#perSecond());
    if (!changed && right_px === this.#shown_px) return;
    this.#paintTape();
    this.#shown_px = right_px;
    const context = this.canvas.getContext('2d');
    context.clearRect(0, 0, width, height);
    this.#lines(context);
    if (t === null) return;
    this.#copyTape(context, right_px - width, right_px);
    this.#grid(context);
    for (const gap of this.history.gaps) this.#gap(context, gap, right_px);
    for (const span of this.history.spans)
      if (span.off_s === null || span.off_s > span.on_s) this.#span(context, span, right_px);
  }

  /* How long the picture takes to move by one pixel. */
  pixel_ms() {
    return 1000 / Math.max(1, this.#perSecond());
  }

  /* Device pixels per second of sound. */
  #perSecond() {
    return this.canvas.width / this.shown_s;
  }

  #resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const density = Math.max(1, devicePixelRatio || 1);
    const root = getComputedStyle(document.documentElement);
    this.#scale = density * Math.max(1, parseFloat(root.fontSize) / REM_PX);
    const width = Math.min(LARGEST_PX, Math.round(clientWidth * density));
    const height = Math.min(LARGEST_PX, Math.round(clientHeight * density));
    if (width === this.canvas.width && height === this.canvas.height) return;
    Object.assign(this.canvas, { width, height });
    const margin_px = Math.ceil(TAPE_MARGIN_S * this.#perSecond());
    Object.assign(this.#tape, { width: width + margin_px, height });
    this.repaint();
    this.onresize?.();
  }

  /* Top and bottom of a lane, device pixels; what is left below it is for the line. */
  #lane(index) {
    const rows = Math.max(1, this.history.labels.length);
    const top = Math.round((index * this.canvas.height) / rows);
    const below = Math.round(((index + 1) * this.canvas.height) / rows);
    const space = Math.max(1, Math.round((below - top) * 0.16));
    return { top, bottom: below - space, space };
  }

  #paintTape() {
    const { last_s, window_s } = this.history;
    if (last_s === null || this.#tape.width === 0) return;
    const perSecond = this.#perSecond();
    const end_px = Math.floor(last_s * perSecond);
    const context = this.#tape.getContext('2d');
    const oldest_px = end_px - this.#tape.width;
    let from_px = oldest_px;
    if (this.#head_px !== null && end_px >= this.#head_px)
      from_px = Math.max(oldest_px, this.#head_px - this.#unsettled_px(window_s));
    this.#onTape(from_px, end_px, (x, width) =>
      context.clearRect(x, 0, width, this.#tape.height),
    );
    for (const piece of evidence(this.history, from_px / perSecond)) {
      const left = Math.max(from_px, Math.floor(piece.from_s * perSecond));
      const right = Math.min(end_px, Math.floor(piece.to_s * perSecond));
      if (right > left) this.#paintColumn(context, piece.p, left, right);
    }
    this.#head_px = end_px;
  }

  /* So much of the painted end can change: one window, and the column that it began in. */
  #unsettled_px(window_s) {
    return Math.ceil((unsettled_s(window_s) + this.history.hop_s) * this.#perSecond());
  }

  #paintColumn(context, p, left, right) {
    this.#onTape(left, right, (x, width) => {
      for (let i = 0; i < p.length; i++) {
        const { top, bottom } = this.#lane(i);
        context.fillStyle = heatColour(this.#colours.ramp, p[i]);
        context.fillRect(x, top, width, bottom - top);
      }
    });
  }

  /* Calls use(x, width) for the one or two places on the ring that hold [left, right). */
  #onTape(left, right, use) {
    const size = this.#tape.width;
    const x = ((left % size) + size) % size;
    const first = Math.min(right - left, size - x);
    use(x, first);
    if (right - left > first) use(0, right - left - first);
  }

  #copyTape(context, left, right) {
    const { height } = this.canvas;
    const painted = Math.min(right, this.#head_px ?? left);
    let to = 0;
    if (painted <= left) return;
    this.#onTape(left, painted, (x, width) => {
      context.drawImage(this.#tape, x, 0, width, height, to, 0, width, height);
      to += width;
    });
  }

  /* A hairline under each lane, so that the score is there before the sound. */
  #lines(context) {
    const thick = Math.max(1, Math.round(this.#scale / 2));
    context.fillStyle = this.#colours.line;
    for (let i = 0; i < this.history.labels.length; i++) {
      const { bottom } = this.#lane(i);
      context.fillRect(0, bottom, this.canvas.width, thick);
    }
  }

  #grid(context) {
    const { width, height } = this.canvas;
    const thick = Math.max(1, Math.round(this.#scale / 2));
    context.fillStyle = this.#colours.line;
    for (let ago_s = GRID_S; ago_s < this.shown_s; ago_s += GRID_S)
      context.fillRect(Math.round(width * (1 - ago_s / this.shown_s)), 0, thick, height);
  }

  /* Lost sound: all lanes crossed out by a veil. */
  #gap(context, { from_s, to_s }, right_px) {
    const left = Math.floor(from_s * this.#perSecond()) - right_px + this.canvas.width;
    const right = Math.ceil(to_s * this.#perSecond()) - right_px + this.canvas.width;
    const thick = Math.max(2, Math.round(2 * this.#scale));
    context.fillStyle = this.#colours.warning;
    context.fillRect(left, 0, Math.max(thick, right - left), thick);
    context.fillRect(left, this.canvas.height - thick, Math.max(thick, right - left), thick);
  }

  #span(context, { label, on_s, off_s, exact_on, exact_off }, right_px) {
    const perSecond = this.#perSecond();
    const { width } = this.canvas;
    const { top, bottom, space } = this.#lane(label);
    const left = Math.round(on_s * perSecond) - right_px + width;
    const open = off_s === null;
    const right = open ? width : Math.round(off_s * perSecond) - right_px + width;
    if (right <= 0 || left >= width) return;
    const thin = Math.max(1, Math.round(this.#scale));
    const line = Math.min(space, 2 * thin);
    const entry = perSecond < CROWDED * this.#scale ? thin : 2 * thin;
    if (exact_on) this.#mark(context, left, top, bottom + line - top, entry);
    context.fillStyle = this.#colours.mark;
    context.fillRect(left, bottom, Math.max(thin, right - left), line);
    const middle = Math.round((top + bottom) / 2);
    // Where there is no room for both marks, the entry is the one that counts.
    const apart = right - left >= entry + 4 * thin;
    if (exact_off && apart) this.#mark(context, right - thin, middle, bottom + line - middle, thin);
  }

  /* An upright mark with a halo, so that it is seen on any colour of the ramp. */
  #mark(context, x, y, height, width) {
    const halo = Math.max(1, Math.round(this.#scale));
    context.fillStyle = this.#colours.halo;
    context.fillRect(x - halo, y, width + 2 * halo, height);
    context.fillStyle = this.#colours.mark;
    context.fillRect(x, y, width, height);
  }
}

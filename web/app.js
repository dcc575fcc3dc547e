/* app.js - puts the page together: what arrives on the stream goes into the history, the bars, the
 * heat map, the meter and the headline. All state is in one object made here; the parts know
 * nothing of each other.
 */
import { Announcer } from './announcer.js';
import { Bars } from './bars.js';
import { DisplayClock } from './clock.js';
import { Entries, MOST_ENTRIES } from './entries.js';
import { capitalized, counted, durationText, joined, plainText, prettyName } from './format.js';
import { HeatMap } from './heatmap.js';
import { Headline } from './headline.js';
import { History } from './history.js';
import { Meter } from './meter.js';
import { heatRamp } from './palette.js';
import { json } from './request.js';
import { SourceChoice, addressOf, apiPath, linkCues, wantedSource } from './sources.js';
import { STALE_S, describe, isSilent } from './state.js';
import { Stream } from './stream.js';

const SHOWN_S = 120;
const NOTE_MS = 12000; // how long a passing remark stays
const TICK_MS = 500; // how often the state is looked at when nothing arrives
const LONGEST_PAUSE_MS = 200; // between two looks at whether the picture has to move
const MOST_LABELS = 256; // the most a model can have
const FINEST_STEP_S = 0.25; // of the history asked for
const SOURCES_MS = 30000; // from one look at the list of sources to the next
const ANSWER_MS = 5000; // how long the page waits for that list before it shows anything
const PAST_MS = 15000; // how long for the past, which is more to send
const MOST_INPUT = 60; // of an input's name, which may be that of a file
const MOST_MODEL = 40;

class Page {
  constructor(element) {
    this.element = element;
    this.history = new History(SHOWN_S);
    this.clock = new DisplayClock();
    this.bars = new Bars(element('parts'), element('score'));
    this.heatmap = new HeatMap(element('heatmap'), this.history, SHOWN_S);
    this.heatmap.onresize = () => this.#draw(true);
    this.headline = new Headline({
      box: element('headline'),
      list: element('playing'),
      rest: element('rest'),
    });
    this.entries = new Entries(element('entries'));
    this.announcer = new Announcer(element('announcer'));
    this.meter = new Meter({
      root: element('level'),
      level: element('level-bar'),
      peak: element('level-peak'),
      text: element('level-text'),
      clip: element('clip'),
    });
    this.choice = new SourceChoice({
      choice: element('choice'),
      list: element('sources'),
      notice: element('notice'),
      wanted: wantedSource(location.search),
      onChoice: (name) => this.#choose(name),
      onMoved: () => this.#listen(),
    });
    this.stream = null;
    this.version = undefined; // of the daemon that the page came from
    this.#forgetSource();
    this.refill = { wanted: false, running: false };
    this.scrolling = 0;
    this.due = false; // to be shown with the next refresh
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
  }

  async start() {
    const root = document.documentElement;
    root.addEventListener('themechange', () => this.#colours());
    document.addEventListener('visibilitychange', () => this.#visible());
    this.#colours();
    setInterval(() => this.#show(), TICK_MS);
    this.#visible();
    // Only of a name in the address has it to be known first whether there is such a source.
    if (this.choice.wanted !== '') await this.#sources({ first: true });
    this.#listen();
    addEventListener('popstate', () => this.choice.want(wantedSource(location.search)));
    // Where a daemon does not know the source any more there is no hello.
    setInterval(() => document.hidden || this.#sources(), SOURCES_MS);
  }

  #choose(name) {
    if (name === (this.choice.shown || this.choice.name)) return;
    history.pushState(null, '', addressOf(location.search, { source: name }));
    this.choice.want(name);
  }

  /* To the source that is chosen, and to no other any more. */
  #listen() {
    this.stream?.close();
    this.#forgetSource();
    this.history.reset(this.history.labels, this.history.set_hop_s);
    this.clock.reset();
    this.heatmap.repaint();
    this.api = apiPath(this.choice.shown);
    linkCues(this.element('cues'), this.choice.shown);
    this.element('wall').href = addressOf(location.search, { view: 'wall' });
    this.stream = new Stream({
      url: `${this.api}stream`,
      infoUrl: `${this.api}info`,
      hop_ms: () => 1000 * this.history.hop_s,
      onEvent: (type, data) => this.#take(type, data),
      onLink: () => this.#showSoon(),
    });
    this.#showSoon();
  }

  /* All that is known of a source but what the history keeps. */
  #forgetSource() {
    this.hello = null;
    this.hello_ms = null;
    this.status = { source: '', state: 'running', overruns: 0, hop_stretch: 1 };
    this.sourceKind = undefined;
    this.#forgetFrame();
    this.loud_ms = performance.now();
    this.note = { text: '', until_ms: 0 };
  }

  #take(type, data) {
    const take = {
      hello: () => this.#hello(data),
      frame: () => this.#frame(data),
      onset: () => this.history.onset(data.label, data.t, data.time),
      offset: () => this.history.offset(data.label, data.t),
      status: () => this.#status(data),
      gap: () => this.#gap(data),
      lagged: () => this.#lagged(data),
    };
    take[type]?.();
    this.#showSoon();
  }

  #hello(hello) {
    if (!Array.isArray(hello.labels) || hello.labels.length > MOST_LABELS) return;
    this.version ??= hello.version;
    if (hello.version !== this.version) location.reload(); // the daemon has another page by now
    const kind = ({ labels, hop_s, window_s }) => JSON.stringify([labels, hop_s, window_s]);
    const known = this.hello !== null && kind(this.hello) === kind(hello);
    this.hello = hello;
    this.hello_ms = performance.now();
    this.history.expectRestart();
    // After a long break it is as at the start: the next result is on its way.
    if (this.hello_ms - this.frame_ms > 1000 * STALE_S) this.#forgetFrame();
    if (!known) {
      this.history.reset(hello.labels, hello.hop_s, hello.window_s);
      this.clock.reset();
      this.bars.reset(hello.labels, this.history.hop_s);
      this.#forgetFrame();
      this.heatmap.repaint();
    }
    document.body.classList.remove('waiting');
    if (this.history.last_s === null) this.#refill(); // a frame may never come
    this.#info();
    this.#sources();
  }

  #status(status) {
    const other = status.state !== this.status.state;
    Object.assign(this.status, status);
    this.status.source = plainText(this.status.source ?? '', MOST_INPUT);
    this.history.stretch(status.hop_stretch);
    if (other) this.#sources(); // the list tells states
  }

  /* Without the list the page shows what its address says. */
  async #sources(options) {
    const { sources } = await json('api/v1/sources', ANSWER_MS).catch(() => ({}));
    this.choice.show(sources, options);
  }

  #forgetFrame() {
    this.frame = null;
    this.frame_ms = null;
  }

  /* What the stream does not tell: where presence begins, and whether the source is a device. The
   * page does without it if need be. */
  async #info() {
    const { api } = this;
    const info = await json(`${api}info`, ANSWER_MS).catch(() => ({}));
    if (api !== this.api) return; // another source is shown
    const { thresholds, leave_thresholds, source } = info;
    this.sourceKind = source?.kind;
    if (Array.isArray(thresholds)) this.bars.setThresholds(thresholds, leave_thresholds);
  }

  #frame(frame) {
    const now_ms = performance.now();
    const before_s = this.history.last_s;
    const outcome = this.history.addFrame(frame);
    if (outcome === 'bad' || outcome === 'seen') return;
    if (outcome === 'restarted') {
      this.clock.reset();
      this.heatmap.repaint();
    }
    this.clock.frame(frame.t, frame.time, now_ms, this.history.hop_s);
    if (!isSilent(frame.level_dbfs)) this.loud_ms = now_ms;
    this.frame = frame;
    this.frame_ms = now_ms;
    const missed =
      outcome === 'restarted' || before_s === null || frame.t - before_s > 2.5 * this.history.hop_s;
    if (missed) this.#refill();
  }

  #gap({ t, lost_s }) {
    this.history.gap(t, lost_s);
    this.#remark(`${durationText(lost_s)} of sound was lost.`);
  }

  #lagged({ dropped }) {
    if (dropped > 0)
      this.#remark(`This page fell behind and skipped ${counted(dropped, 'update')}.`);
    this.#refill();
  }

  /* Fetches what the page has not heard itself; one request at a time. */
  async #refill() {
    this.refill.wanted = true;
    if (this.refill.running) return;
    this.refill.running = true;
    while (this.refill.wanted) {
      this.refill.wanted = false;
      await this.#fetchHistory().catch(() => {}); // then the lanes stay empty there
    }
    this.refill.running = false;
  }

  async #fetchHistory() {
    const { run, last_s, hop_s } = this.history;
    const step_s = Math.max(hop_s, FINEST_STEP_S);
    const query = new URLSearchParams({ step: step_s.toFixed(3) });
    if (last_s === null) {
      query.set('from', -SHOWN_S); // before the newest result, whichever that is
    } else {
      query.set('from', Math.max(0, last_s - SHOWN_S).toFixed(3));
      query.set('to', (last_s + hop_s).toFixed(3));
    }
    const [past, marks] = await Promise.all([
      json(`${this.api}history?${query}`, PAST_MS),
      json(`${this.api}cues?format=json`, PAST_MS),
    ]);
    if (this.history.run !== run) return; // the daemon was started anew in the meantime
    this.history.addSteps(past.steps, past.step_s);
    this.history.addCues(marks.cues);
    this.heatmap.repaint();
    this.#draw(true);
  }

  #remark(text) {
    this.note = { text, until_ms: performance.now() + NOTE_MS };
  }

  /* All that is known, in one sentence. */
  #describe(now_ms) {
    return describe({
      ...this.status,
      sourceKind: this.sourceKind,
      link: this.stream?.link ?? 'connecting',
      reason: this.stream?.reason ?? '',
      frameAge_s: this.frame_ms === null ? null : (now_ms - this.frame_ms) / 1000,
      waiting_s: this.hello_ms === null ? 0 : (now_ms - this.hello_ms) / 1000,
      window_s: this.hello?.window_s ?? 0,
      hop_s: this.history.hop_s,
      level_dbfs: this.frame?.level_dbfs ?? -Infinity,
      silent_s: (now_ms - this.loud_ms) / 1000,
      late_s: this.clock.lateness_s(),
    });
  }

  /* Once for all that arrives before the screen is refreshed: a replay can be long. While the page
   * is hidden the look at every TICK_MS is enough. */
  #showSoon() {
    if (this.due || document.hidden) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.#show();
    });
  }

  #show() {
    const now_ms = performance.now();
    const said = this.#describe(now_ms);
    const labels = this.history.labels;
    const on = new Set(said.stale ? [] : this.frame?.on);
    const present = new Set(labels.flatMap((label, i) => (on.has(label) ? [i] : [])));
    const entered = [...present].sort((a, b) => this.history.since_s(a) - this.history.since_s(b));
    const names = entered.map((i) => prettyName(labels[i]));
    this.#showEntries(now_ms);
    const order = this.headline.show(names, said.title, said.kind, !document.hidden);
    this.#write(said, order, now_ms);
    if (document.hidden) return;
    const heard = said.stale ? null : this.frame;
    this.meter.show(heard, now_ms);
    this.bars.show(heard?.p ?? new Float32Array(labels.length), present, now_ms);
    this.#draw(true);
  }

  /* Those of before stay while the page waits for something: they are what was heard. */
  #showEntries(now_ms) {
    const { history } = this;
    const now_s = this.clock.timeOfDay_s(now_ms);
    const entries = history.entries(MOST_ENTRIES).map(({ label, on_s, time }) => {
      const known = now_s !== null && Number.isFinite(time);
      const ago_s = known ? now_s - time : history.last_s - on_s;
      return { name: prettyName(history.labels[label]), time, ago_s };
    });
    this.entries.show(entries);
  }

  #write(said, names, now_ms) {
    const { element } = this;
    const remark = now_ms < this.note.until_ms ? this.note.text : '';
    const text = (id, value) => {
      if (element(id).textContent !== value) element(id).textContent = value;
    };
    document.body.classList.toggle('stale', said.stale);
    element('state').dataset.kind = said.kind;
    text('state-text', said.chip);
    text('detail', said.detail || remark);
    element('detail').dataset.kind = said.detail ? said.kind : 'good';
    text('source', this.#facts());
    text('latest', said.stale && this.history.last_s !== null ? 'last' : 'now');
    const playing = names.length > 0;
    const place = this.choice.name;
    const title = playing ? capitalized(joined(names)) : said.title;
    document.title = [title, place, 'Tutti'].filter(Boolean).join(' · ');
    text('what', playing ? 'Now playing' : 'Now');
    text('where', place && ` · ${place}`);
    const spoken = playing ? `Now playing: ${joined(names, 'and')}.` : `${said.title}.`;
    this.announcer.say(place ? `${place}. ${spoken}` : spoken, { urgent: said.kind === 'bad' });
  }

  #facts() {
    const { source, overruns, hop_stretch } = this.status;
    const { model, version } = this.hello ?? {};
    const place = this.choice.name;
    return [
      place && `Source ${place}`,
      source && `Input ${source}`,
      model && `Model ${plainText(model, MOST_MODEL)}`,
      version && `Tutti ${version}`,
      overruns > 0 && `Sound was lost ${counted(overruns, 'time')}`,
      hop_stretch > 1 && `A result every ${durationText(this.history.hop_s)}: too slow for more`,
    ]
      .filter(Boolean)
      .join('  ·  ');
  }

  #draw(changed) {
    if (document.hidden) return;
    const t = this.clock.now(performance.now()) ?? this.history.last_s;
    this.heatmap.draw(t, changed);
  }

  #colours() {
    const root = document.documentElement;
    const style = getComputedStyle(root);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.heatmap.setColours({
      ramp: heatRamp(root.dataset.theme),
      line: colour('--line'),
      mark: colour('--ink'),
      halo: colour('--page'),
      warning: colour('--bad'),
    });
    this.#draw(true);
  }

  /* While nobody watches nothing is drawn; what arrives is kept. */
  #visible() {
    clearTimeout(this.scrolling);
    if (document.hidden) return;
    this.#show();
    this.#scroll();
  }

  /* Between frames the picture moves by single pixels, which is no more than some ten times a
   * second: no need to wake up for each refresh of the screen. Who wants no movement sees it
   * move with the frames only. */
  #scroll() {
    if (!this.still.matches) requestAnimationFrame(() => this.#draw(false));
    const pause_ms = Math.min(LONGEST_PAUSE_MS, this.heatmap.pixel_ms() / 2);
    this.scrolling = setTimeout(() => this.#scroll(), pause_ms);
  }
}

new Page((id) => document.getElementById(id)).start();

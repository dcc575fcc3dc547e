/* stream.js - the connection to the daemon: one EventSource that never gives up.
 *
 * After a break the browser reconnects by itself and names the last event it has seen, so that
 * the daemon replays what was missed. Where the browser gives up (the daemon refused), or where a
 * connection is dead without a word, a new one is made with growing pauses. Why the daemon refuses
 * an EventSource does not tell, so it is asked once more by other means.
 *
 *   connecting ──► live ──► reconnecting ──► live …
 *                              ├─ after 8 s ─► unreachable ──► live …
 *                              └─ refused ──► live …
 */
import { ask, json } from './request.js';

const EVENTS = ['hello', 'frame', 'onset', 'offset', 'status', 'gap', 'lagged'];
const UNREACHABLE_AFTER_MS = 8000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;
const ASK_MS = 5000; // how long an answer may take
const SILENT_MS = 15000; // without a sign, then the page looks whether the daemon is there

/* What the daemon says when it refuses, "" if it does not. */
async function refusal(answer) {
  if (answer.ok) return '';
  const said = (await answer.json().catch(() => null))?.error;
  return typeof said === 'string' ? said : `status ${answer.status}`;
}

export class Stream {
  #source = null;
  #last = ''; // id of the newest event
  #pause_ms = FIRST_PAUSE_MS;
  #retry = 0;
  #giveUp = 0;
  #heard_ms = 0; // when the connection last gave a sign, good or bad
  #asking = false;
  #closed = false;
  #look = 0;

  /* onEvent(type, data) gets each event that is valid JSON; onLink(link) each change of link;
   * hop_ms() tells how often something has to come while the source runs. infoUrl: where the
   * source's state is. reason: what the daemon said when it refused. */
  constructor({ url, infoUrl, hop_ms, onEvent, onLink }) {
    Object.assign(this, { url, infoUrl, hop_ms, onEvent, onLink, link: 'connecting', reason: '' });
    this.#look = setInterval(() => this.#probe(), SILENT_MS / 4);
    this.#connect();
  }

  /* Ends it for good; nothing is told any more. */
  close() {
    this.#closed = true;
    clearInterval(this.#look);
    clearTimeout(this.#retry);
    clearTimeout(this.#giveUp);
    this.#source.close();
  }

  #connect() {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#heard_ms = performance.now();
    const after = this.#last && `?${new URLSearchParams({ last_event_id: this.#last })}`;
    const source = new EventSource(this.url + after);
    this.#source = source;
    source.onopen = () => this.#set('live');
    source.onerror = () => {
      this.#heard_ms = performance.now();
      this.#set('reconnecting');
      if (source.readyState === EventSource.CLOSED) this.#ask(source);
    };
    for (const type of EVENTS) source.addEventListener(type, (event) => this.#take(event));
  }

  /* The browser has given up. What does the daemon say? Either way it is tried again. */
  async #ask(source) {
    const reason = await ask(this.url, ASK_MS, refusal).catch(() => null); // null: nobody there
    if (this.#closed || source !== this.#source) return;
    if (reason) this.#set('refused', reason);
    else if (reason === null) this.#set('lost');
    this.#later();
  }

  /* The browser has given up: try anew after a pause that grows, spread so that many screens do
   * not come back in the same moment. */
  #later() {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), this.#pause_ms * (0.75 + Math.random() / 2));
    this.#pause_ms = Math.min(2 * this.#pause_ms, LONGEST_PAUSE_MS);
  }

  #take(event) {
    this.#heard_ms = performance.now();
    this.#last = event.lastEventId || this.#last;
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    if (data !== null && typeof data === 'object' && !this.#closed) this.onEvent(event.type, data);
  }

  /* link: "live", "reconnecting" (which changes nothing where worse is known), "refused", or
   * "lost": nobody answers. */
  #set(link, reason = '') {
    if (link === 'live' || link === 'refused') {
      clearTimeout(this.#giveUp);
      this.#giveUp = 0;
      if (link === 'live') this.#pause_ms = FIRST_PAUSE_MS;
      this.#change(link, reason);
      return;
    }
    if (link === 'reconnecting' && this.link === 'refused') return;
    if (this.link === 'unreachable') return;
    if (!this.#giveUp)
      this.#giveUp = setTimeout(() => this.#change('unreachable'), UNREACHABLE_AFTER_MS);
    this.#change('reconnecting');
  }

  #change(link, reason = '') {
    if (this.#closed || (link === this.link && reason === this.reason)) return;
    this.link = link;
    this.reason = reason;
    this.onLink(link);
  }

  /* A connection can be dead without either end knowing (a laptop that slept, a router that
   * forgot, a daemon that is back under another address). Silence may also mean that the source
   * delivers nothing; so ask, and start over where nobody answers or where it runs. An attempt to
   * connect that hangs is simply made again. */
  async #probe() {
    if (this.#asking || performance.now() - this.#heard_ms < SILENT_MS) return;
    if (this.link !== 'live') {
      this.#connect();
      return;
    }
    this.#asking = true;
    const info = await json(this.infoUrl, ASK_MS).catch(() => null);
    this.#asking = false;
    if (this.#closed || this.link !== 'live') return;
    const now_ms = performance.now();
    if (info !== null && info.source?.state !== 'running') {
      this.#heard_ms = now_ms;
      return;
    }
    const longest_ms = Math.max(SILENT_MS, 2 * this.hop_ms());
    if (info !== null && now_ms - this.#heard_ms <= longest_ms) return;
    this.#set('reconnecting');
    this.#connect();
  }
}

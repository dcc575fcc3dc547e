/* stream.js - the connection to the daemon: one EventSource that never gives up.
 *
 * After a break the browser reconnects by itself and names the last event it has seen, so that
 * the daemon replays what was missed. Where the browser gives up (the daemon refused), or where a
 * connection is dead without a word, a new one is made with growing pauses.
 *
 *   connecting ──► live ──► reconnecting ──► live …
 *                              └─ after 8 s ─► unreachable ──► live …
 */

const EVENTS = ['hello', 'frame', 'onset', 'offset', 'status', 'gap', 'lagged'];
const UNREACHABLE_AFTER_MS = 8000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;
const SILENT_MS = 15000; // without a sign, then the page looks whether the daemon is there

export class Stream {
  #source = null;
  #last = ''; // id of the newest event
  #pause_ms = FIRST_PAUSE_MS;
  #retry = 0;
  #giveUp = 0;
  #heard_ms = 0; // when the connection last gave a sign, good or bad
  #asking = false;

  /* onEvent(type, data) gets each event that is valid JSON; onLink(link) each change of link. */
  constructor({ url, probeUrl, onEvent, onLink }) {
    Object.assign(this, { url, probeUrl, onEvent, onLink, link: 'connecting' });
    setInterval(() => this.#probe(), SILENT_MS / 4);
    this.#connect();
  }

  #connect() {
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
      if (source.readyState === EventSource.CLOSED) this.#later();
    };
    for (const type of EVENTS) source.addEventListener(type, (event) => this.#take(event));
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
    if (data !== null && typeof data === 'object') this.onEvent(event.type, data);
  }

  #set(link) {
    if (link === 'live') {
      this.#pause_ms = FIRST_PAUSE_MS;
      clearTimeout(this.#giveUp);
      this.#giveUp = 0;
    } else if (!this.#giveUp) {
      this.#giveUp = setTimeout(() => this.#change('unreachable'), UNREACHABLE_AFTER_MS);
    } else if (this.link === 'unreachable') {
      return;
    }
    this.#change(link);
  }

  #change(link) {
    if (link === this.link) return;
    this.link = link;
    this.onLink(link);
  }

  /* A connection can be dead without either end knowing (a laptop that slept, a router that
   * forgot). Silence may also mean that there is no sound; so ask, and only then start over. An
   * attempt to connect that hangs is simply made again. */
  async #probe() {
    if (this.#asking || performance.now() - this.#heard_ms < SILENT_MS) return;
    if (this.link !== 'live') {
      this.#connect();
      return;
    }
    this.#asking = true;
    try {
      await fetch(this.probeUrl, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
      this.#heard_ms = performance.now();
    } catch {
      this.#set('reconnecting');
      this.#connect();
    } finally {
      this.#asking = false;
    }
  }
}

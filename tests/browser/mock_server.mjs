/* mock_server.mjs - a stand-in for the daemon in tests of the page: serves the page's files and
 * plays whatever events a test asks for, with the daemon's headers, replay and failures.
 *
 * In a test:      const mock = await startMock(); mock.frame({ piano: 0.9 }, ['piano']); …
 * By hand:        node mock_server.mjs [PORT] [SCENE]   SCENE: ensemble, quiet, five, long
 */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const WEB = new URL('../../web/', import.meta.url);
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const LOG_EVENTS = 4096;

export const LABELS = [
  'accordion',
  'acoustic_guitar',
  'banjo',
  'bass',
  'cello',
  'clarinet',
  'drums',
  'electric_guitar',
  'flute',
  'mallet_percussion',
  'mandolin',
  'organ',
  'piano',
  'saxophone',
  'synthesizer',
  'trombone',
  'trumpet',
  'ukulele',
  'violin',
  'voice',
];

class Mock {
  /* sources: their names; what is played is the same for all. */
  constructor({ labels = LABELS, hop_s = 0.25, window_s = 3, sources = ['main'] } = {}) {
    Object.assign(this, { labels, hop_s, window_s, sources });
    this.states = {}; // of sources that are not in the state of all
    this.clients = new Set();
    this.version = '0.0.0';
    this.refuse = ''; // why the stream is refused, in place of events
    this.dead = false; // connections are accepted, and nothing comes of them
    this.requests = []; // paths asked for, with the Last-Event-ID of streams
    this.restart();
  }

  /* A new run of the daemon: time and ids begin anew. */
  restart(started_s = Date.now() / 1000) {
    Object.assign(this, {
      started_s,
      id: Math.round(started_s * 1000),
      seq: 0,
      t: 0,
      log: [],
      frames: [],
      cues: [],
    });
    this.on = new Set();
    this.kind = 'device'; // of all sources
    this.status_now = { source: 'mock', state: 'running', overruns: 0, lag_ms: 12 };
  }

  async listen(port = 0) {
    this.server = createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/`;
    return this;
  }

  async close() {
    this.drop();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /* Cuts all streams. */
  drop() {
    for (const client of this.clients) client.destroy();
    this.clients.clear();
  }

  /* Sends an event to all, and keeps it for replay. */
  send(type, data) {
    const text = `id: ${++this.id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    this.log.push({ id: this.id, text });
    if (this.log.length > LOG_EVENTS) this.log.shift();
    for (const client of this.clients) client.write(text);
  }

  /* One hop of sound. p: {label: probability}, the rest 0.02. on: labels present. */
  frame(p = {}, on = [], extra = {}) {
    this.t += this.hop_s;
    const present = new Set(on);
    for (const label of present) if (!this.on.has(label)) this.#change('onset', label, 1);
    for (const label of this.on) if (!present.has(label)) this.#change('offset', label, 1);
    this.on = present;
    const frame = {
      seq: ++this.seq,
      t: this.t,
      time: this.started_s + this.t,
      level_dbfs: -20,
      peak_dbfs: -9,
      clipped: false,
      p: this.labels.map((label) => p[label] ?? 0.02),
      on: this.labels.filter((label) => present.has(label)),
      ...extra,
    };
    this.frames.push(frame);
    if (this.frames.length > LOG_EVENTS) this.frames.shift();
    this.send('frame', frame);
    return frame;
  }

  #change(type, label, earlier_s) {
    const t = Math.max(0, this.t - earlier_s);
    const time = this.started_s + t;
    this.send(type, { label, t, time, confidence: 0.8 });
    if (type === 'onset') this.cues.push({ label, on_s: t, off_s: null, time, confidence: 0.8 });
    else this.cues.findLast((cue) => cue.label === label).off_s = t;
    if (this.cues.length > LOG_EVENTS) this.cues.shift();
  }

  /* The source delivers nothing for so long: t stands still, the time of day goes on. */
  pause(seconds) {
    this.started_s += seconds;
  }

  status(change) {
    Object.assign(this.status_now, change);
    this.send('status', this.status_now);
  }

  /* Events that were dropped before a client could read them: never logged. */
  lagged(dropped) {
    for (const client of this.clients)
      client.write(`event: lagged\ndata: ${JSON.stringify({ dropped })}\n\n`);
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, 'http://mock');
    if (this.dead) return request.socket.destroy();
    this.requests.push({ pathname, last: request.headers['last-event-id'] });
    response.setHeader('Content-Security-Policy', "default-src 'self'");
    response.setHeader('X-Content-Type-Options', 'nosniff');
    const path = this.#ofSource(pathname);
    if (pathname === '/api/v1/sources') this.#json(response, { sources: this.#list() });
    else if (path === '/api/v1/stream') this.#stream(request, response);
    else if (path === '/api/v1/history') this.#json(response, this.#history(searchParams));
    else if (path === '/api/v1/cues') this.#json(response, { cues: this.cues });
    else if (path === '/api/v1/info') this.#json(response, this.#info());
    else await this.#file(path, response);
  }

  /* "/api/v1/sources/NAME/info" -> "/api/v1/info", if there is a source of that name. */
  #ofSource(pathname) {
    const [, name, rest] = /^\/api\/v1\/sources\/([^/]*)\/(.*)$/.exec(pathname) ?? [];
    return this.sources.includes(name) ? `/api/v1/${rest}` : pathname;
  }

  #list() {
    return this.sources.map((name) => ({
      name,
      input: this.status_now.source,
      kind: this.kind,
      rate_hz: 48000,
      state: this.states[name] ?? this.status_now.state,
      path: `/api/v1/sources/${name}/`,
    }));
  }

  #stream(request, response) {
    if (this.refuse) {
      response.writeHead(503, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ error: this.refuse }));
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const { labels, window_s, hop_s, version } = this;
    const hello = { labels, window_s, hop_s, model: 'mock', version };
    response.write(`retry: 500\nevent: hello\ndata: ${JSON.stringify(hello)}\n\n`);
    response.write(`event: status\ndata: ${JSON.stringify(this.status_now)}\n\n`);
    const { searchParams } = new URL(request.url, 'http://mock');
    const last = request.headers['last-event-id'] ?? searchParams.get('last_event_id');
    // The id of another run counts as "none yet".
    const from = last === null ? this.id : Number(last) > this.id ? 0 : Number(last);
    for (const { id, text } of this.log) if (id > from) response.write(text);
    this.clients.add(response);
    response.on('close', () => this.clients.delete(response));
  }

  #history(query) {
    const newest = this.frames.at(-1)?.t ?? 0;
    const step_s = Number(query.get('step'));
    const to = Number(query.get('to') ?? newest + this.hop_s / 2);
    const since = Number(query.get('from'));
    const from = since < 0 ? Math.max(0, newest + since) : since;
    const steps = [];
    for (let t = from; t < to; t += step_s) {
      const inside = this.frames.filter((frame) => frame.t >= t && frame.t < t + step_s);
      if (inside.length === 0) continue;
      const p = this.labels.map(
        (_, i) => inside.reduce((sum, frame) => sum + frame.p[i], 0) / inside.length,
      );
      steps.push({ t, level_dbfs: -20, p });
    }
    return { labels: this.labels, from, to, step_s, steps };
  }

  #info() {
    const { labels, window_s, hop_s, started_s, version } = this;
    return {
      version,
      model: { name: 'mock' },
      labels,
      window_s,
      hop_s,
      thresholds: labels.map(() => 0.5),
      leave_thresholds: labels.map(() => 0.3),
      source: this.#list()[0],
      started: started_s,
    };
  }

  #json(response, body) {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  async #file(pathname, response) {
    const name = pathname === '/' ? 'index.html' : basename(pathname);
    try {
      const body = await readFile(new URL(name, WEB));
      response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'text/plain' });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  }
}

/* A listening mock; options: labels, hop_s, window_s, port. */
export const startMock = (options = {}) => new Mock(options).listen(options.port);

/* ---- scenes that look like music, for looking at the page ---- */

/* [label, from, to] in s, over a cycle of 60 s. */
const ENSEMBLE = [
  ['piano', 0, 44],
  ['cello', 6, 26],
  ['violin', 14, 38],
  ['voice', 22, 52],
  ['bass', 30, 58],
  ['drums', 34, 56],
  ['saxophone', 40, 54],
  ['acoustic_guitar', 50, 60],
  ['flute', 2, 9],
];
const FIVE = ['piano', 'acoustic_guitar', 'mallet_percussion', 'electric_guitar', 'saxophone'];
const ALIKE = {
  cello: 'violin',
  violin: 'cello',
  saxophone: 'clarinet',
  voice: 'synthesizer',
  acoustic_guitar: 'mandolin',
  flute: 'clarinet',
  bass: 'electric_guitar',
  piano: 'mallet_percussion',
  drums: 'banjo',
};

export function sceneFrame(scene, labels, t) {
  const p = {};
  const on = [];
  const noise = (i, rate) => Math.sin(t * rate + i * 12.9) * Math.sin(t * rate * 0.37 + i * 4.1);
  const strength = (label) => {
    if (scene === 'quiet') return 0;
    if (scene === 'five' || scene === 'long') return FIVE.includes(label) ? 1 : 0;
    const u = t % 60;
    return Math.max(
      0,
      ...ENSEMBLE.filter(([name]) => name === label).map(([, from, to]) =>
        Math.min(1, Math.max(0, (u - from) / 2), Math.max(0, (to - u) / 2.5)),
      ),
    );
  };
  labels.forEach((label, i) => {
    const plain = label.replace(/^long_.*_of_/, '');
    const like = 0.3 * strength(ALIKE[plain] ?? '') * (0.5 + 0.5 * noise(i, 0.9));
    const level = strength(plain) * (0.86 + 0.12 * noise(i, 1.7));
    p[label] = Math.min(0.99, Math.max(level, like, 0.015 + 0.03 * Math.abs(noise(i, 2.3))));
    if (level > 0.45) on.push(label);
  });
  const loud = scene === 'quiet' ? -55 : -19 + 5 * noise(3, 3.1);
  return { p, on, extra: { level_dbfs: loud, peak_dbfs: loud + 10, clipped: loud > -14.3 } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port = '8809', scene = 'ensemble'] = process.argv.slice(2);
  const labels =
    scene === 'long' ? LABELS.map((label) => `long_name_as_found_of_${label}`) : LABELS;
  const mock = await startMock({ labels, port: Number(port) });
  const play = () => {
    const { p, on, extra } = sceneFrame(scene, labels, mock.t);
    mock.frame(p, on, extra);
  };
  mock.restart(Date.now() / 1000 - 150);
  for (let i = 0; i < 600; i++) play();
  setInterval(play, mock.hop_s * 1000);
  console.error(`page at ${mock.url}`);
}

// Starts tuttid for a test, waits until its page is there, and reads its API as a client would.
// The programs come from the environment: TUTTID, TUTTI (paths).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export const tuttid = process.env.TUTTID ?? 'build/daemon/tuttid';
export const tutti = process.env.TUTTI ?? 'build/daemon/tutti';

// Sanitizers slow everything down; waiting longer there changes no expectation.
const patience = Number(process.env.PATIENCE ?? '1');
export const seconds = (s) => s * 1000 * patience;

// A running daemon: {url, process, output(), stop()}.
export async function startDaemon(options, { stdin = 'ignore', env = {} } = {}) {
  const child = spawn(tuttid, ['--listen', '127.0.0.1:0', ...options], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...process.env, TUTTI_CONFIG: '/dev/null', ...env },
  });
  let text = '';
  child.stdout.on('data', (data) => { text += data; });
  child.stderr.on('data', (data) => { text += data; });
  const output = () => text;
  const deadline = Date.now() + seconds(20);
  let address = null;
  while (address === null) {
    address = /http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`tuttid did not come up: ${text}`);
    }
    await sleep(20);
  }
  async function stop(signal = 'SIGTERM') {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      const killer = setTimeout(() => child.kill('SIGKILL'), seconds(10));
      await once(child, 'exit');
      clearTimeout(killer);
    }
    return { code: child.exitCode, signal: child.signalCode, output: text };
  }
  return { url: `http://127.0.0.1:${address[1]}`, process: child, output, stop };
}

export async function getJson(url) {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

// The answer of healthz once it is no longer 200, or the last one after 20 s.
export async function badHealth(daemon) {
  const deadline = Date.now() + seconds(20);
  let health;
  do {
    await sleep(200);
    health = await getJson(`${daemon.url}/healthz`);
  } while (health.status === 200 && Date.now() < deadline);
  return health;
}

// Reads a stream of server-sent events, as the standard says (WHATWG HTML, section 9.2), until
// enough(events) or the time is over. Returns [{id, event, data, json}], comments as {comment}; a
// block without data is no event.
export async function readEvents(url, { path = '/api/v1/stream', lastEventId, enough,
  within = seconds(30) }) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), within);
  const headers = { Accept: 'text/event-stream' };
  if (lastEventId !== undefined) {
    headers['Last-Event-ID'] = String(lastEventId);
  }
  const events = [];
  try {
    const response = await fetch(`${url}${path}`, { headers, signal: abort.signal });
    if (response.status !== 200) {
      throw new Error(`stream answered ${response.status}`);
    }
    let buffer = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      buffer += decoder.decode(chunk, { stream: true });
      let end;
      while ((end = buffer.indexOf('\n\n')) >= 0) {
        const event = parseEvent(buffer.slice(0, end));
        if (event.data !== '' || event.comment !== undefined) {
          events.push(event);
        }
        buffer = buffer.slice(end + 2);
      }
      if (enough(events)) {
        break;
      }
    }
  } catch (error) {
    if (error.name !== 'AbortError') {
      throw error;
    }
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  return events;
}

function parseEvent(block) {
  const event = { event: 'message', data: '' };
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) {
      event.comment = line.slice(1).trim();
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'id') {
      event.id = Number(value);
    } else if (name === 'event') {
      event.event = value;
    } else if (name === 'data') {
      event.data += value;
    }
  }
  if (event.data !== '') {
    event.json = JSON.parse(event.data);
  }
  return event;
}

export const ofKind = (events, kind) => events.filter((event) => event.event === kind);

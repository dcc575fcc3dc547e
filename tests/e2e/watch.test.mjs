// `tutti watch`: lines in a pipe, bars on a terminal, and what it makes of a daemon that refuses,
// goes away, comes back, or is none.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readEvents, seconds, startDaemon, tutti } from './daemon.mjs';

const terminalScript = path.join(path.dirname(fileURLToPath(import.meta.url)), 'terminal.py');
const TIME = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ';
// Since when it plays already stands there only if the daemon answered before the next entry, which
// a busy machine does not promise: what becomes of late answers is tested against a stand-in.
const CHANGE = new RegExp(`^${TIME} (\\+[a-z_]+ [01]\\.\\d\\d since ${TIME}`
  + `|=[a-z_]+ [01]\\.\\d\\d( since ${TIME})?|-[a-z_]+ until ${TIME})$`);

// tutti watch in a pipe: {process, out(), err(), until(pattern), end()}.
function watch(args, env = {}) {
  const child = spawn(tutti, ['watch', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => { err += data; });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  async function until(pattern, text = () => out) {
    const deadline = Date.now() + seconds(30);
    while (!pattern.test(text())) {
      assert.ok(Date.now() < deadline, `no ${pattern} in: ${out}${err}`);
      assert.ok(child.exitCode === null, `it ended before ${pattern}: ${out}${err}`);
      await sleep(20);
    }
  }
  async function end() {
    const killer = setTimeout(() => child.kill('SIGKILL'), seconds(30));
    const how = await ended;
    clearTimeout(killer);
    assert.doesNotMatch(err, /Sanitizer|runtime error/);
    return { ...how, out, err };
  }
  return { process: child, out: () => out, err: () => err, until, end };
}

// tutti watch in a terminal: what terminal.py tells.
async function onTerminal(size, expected, actions, args, env = {}) {
  const child = spawn('python3', [terminalScript, ...size.split('x'), expected, actions, tutti,
    'watch', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', LC_ALL: 'C.UTF-8', NO_COLOR: '', ...env },
  });
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  await once(child, 'close');
  return JSON.parse(out);
}

// Something that answers like a daemon: answer(request, response, number of the stream); info is
// 404, and so are the cues if there are none; cues(response, number of the question) answers by
// itself.
async function standIn(t, answer, cues) {
  let streams = 0;
  let questions = 0;
  let told;
  const answered = new Promise((resolve) => { told = resolve; });
  const server = createServer((request, response) => {
    if (request.url.endsWith('/info')) {
      response.writeHead(404).end();
      return;
    }
    if (request.url.endsWith('/cues') && typeof cues === 'function') {
      cues(response, ++questions);
      return;
    }
    if (request.url.endsWith('/cues')) {
      response.writeHead(cues ? 200 : 404, { 'Content-Type': 'application/json' })
        .end(JSON.stringify(cues ?? {}), told);
      return;
    }
    answer(request, response, ++streams, answered);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}/`;
}

const stream = (response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' });
const event = (name, data, id) =>
  `${id ? `id: ${id}\n` : ''}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const frame = (time, on, id) =>
  event('frame', { t: 1, time, level_dbfs: -20, p: [0.25, 0.75], on }, id);
const hello = event('hello', { labels: ['bass', 'voice'], window_s: 3, hop_s: 0.25 });

test('entries of the demo piece, in a pipe', async (t) => {
  const daemon = await startDaemon(['--input', 'demo']);
  t.after(() => daemon.stop('SIGKILL'));
  const lines = watch([daemon.url]);
  const host = watch(['--format', 'json', daemon.url.replace('http://', '')]);
  await lines.until(/\+\w+.*\n[^]*\+\w+.*\n/);
  const once = await watch(['--once', '--source', 'main', daemon.url]).end();
  assert.equal(once.code, 0, once.err);
  assert.match(once.out, /^(\S+Z =[a-z_]+ \d\.\d\d( since \S+Z)?\n)*$/);
  lines.process.kill('SIGTERM');
  const { signal, out, err } = await lines.end();
  assert.equal(signal, 'SIGTERM');
  assert.equal(err, '');
  for (const line of out.trimEnd().split('\n')) assert.match(line, CHANGE);
  host.process.kill('SIGINT');
  const json = await host.end();
  assert.equal(json.signal, 'SIGINT');
  const events = json.out.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(events[0].event, 'hello');
  const onsets = events.filter(({ event: name }) => name === 'onset').map(({ data }) => data.label);
  const entries = [...out.matchAll(/\+(\w+)/g)].map(([, label]) => label);
  assert.deepEqual(entries, onsets.slice(0, entries.length));
});

test('what plays already is told with its entry, and lines are in order', async (t) => {
  const url = await standIn(t, async (request, response, streams, answered) => {
    stream(response).write(hello + frame(1000, ['bass']));
    await answered;
    await sleep(seconds(0.3));
    response.write(frame(1001, ['bass'])
      + frame(1002, []) + event('onset', { label: 'voice', time: 1001.5, confidence: 0.5 })
      + event('offset', { label: 'bass', time: 1000, confidence: 0.5 }));
  }, { cues: [{ label: 'bass', on_s: 1, off_s: null, time: 60, confidence: 0.5 }] });
  const lines = watch([url]);
  await lines.until(/-bass/);
  lines.process.kill('SIGTERM');
  const { out } = await lines.end();
  assert.equal(out, '1970-01-01T00:16:41Z =bass 0.25 since 1970-01-01T00:01:00Z\n'
    + '1970-01-01T00:16:42Z +voice 0.50 since 1970-01-01T00:16:41Z\n'
    + '1970-01-01T00:16:42Z -bass until 1970-01-01T00:16:40Z\n');
  const only = await watch(['--once', url]).end();
  assert.equal(only.out, '1970-01-01T00:16:40Z =bass 0.25 since 1970-01-01T00:01:00Z\n');
  const seen = await onTerminal('80x24', 'bass', 'wait:1,key:q', [url], { TZ: 'UTC' });
  assert.match(seen.before + seen.after, /bass[^\r\n]*(ago|00:01)/);
});

test('after dropped events it is asked anew since when it plays', async (t) => {
  const cues = { cues: [{ label: 'bass', on_s: 1, off_s: null, time: 60, confidence: 0.5 }] };
  const url = await standIn(t, async (request, response, streams, answered) => {
    stream(response).write(hello + frame(1000, ['bass']) + frame(1001, ['bass']));
    await answered;
    await sleep(seconds(0.3));
    cues.cues[0].time = 1010;
    response.write(event('offset', { label: 'bass', time: 1002, confidence: 0.5 })
      + event('lagged', { dropped: 7 }) + frame(1020, ['bass']) + frame(1021, ['bass']));
  }, cues);
  const lines = watch([url]);
  await lines.until(/-bass[^]*=bass/);
  lines.process.kill('SIGTERM');
  const { out } = await lines.end();
  assert.equal(out, '1970-01-01T00:16:41Z =bass 0.25 since 1970-01-01T00:01:00Z\n'
    + '1970-01-01T00:16:42Z -bass until 1970-01-01T00:16:42Z\n'
    + '1970-01-01T00:17:01Z =bass 0.25 since 1970-01-01T00:16:50Z\n');
});

test('an answer that comes too late does not count', async (t) => {
  let events;
  const url = await standIn(t, (request, response) => {
    events = stream(response);
    events.write(hello + frame(1000, ['bass']));
  }, async (response, question) => {
    if (question === 1) {
      events.write(event('lagged', { dropped: 7 }) + frame(1020, ['bass'])
        + frame(1021, ['bass']));
      await sleep(seconds(0.4));
    }
    const cue = { label: 'bass', on_s: 1, off_s: null, time: question > 1 ? 1010 : 60 };
    response.writeHead(200).end(JSON.stringify({ cues: [cue] }));
  });
  const lines = watch([url]);
  await lines.until(/=bass.*\n/);
  lines.process.kill('SIGTERM');
  const { out } = await lines.end();
  assert.equal(out, '1970-01-01T00:17:01Z =bass 0.25 since 1970-01-01T00:16:50Z\n');
});

test('an entry does not wait for the answer: since when the others play is left out', async (t) => {
  const url = await standIn(t, (request, response) => {
    stream(response).write(hello + frame(1000, ['bass']) + frame(1001, ['bass'])
      + event('onset', { label: 'voice', time: 1001, confidence: 0.5 }));
  }, () => {});
  const lines = watch([url]);
  await lines.until(/\+voice.*\n/);
  lines.process.kill('SIGTERM');
  const { out } = await lines.end();
  assert.equal(out, '1970-01-01T00:16:41Z =bass 0.25\n'
    + '1970-01-01T00:16:41Z +voice 0.50 since 1970-01-01T00:16:41Z\n');
});

test('--once does not wait long for more than what plays', async (t) => {
  const url = await standIn(t, (request, response) => {
    stream(response).write(hello + frame(1000, ['bass']));
  }, () => {});
  const begun = Date.now();
  const { code, out } = await watch(['--once', url]).end();
  assert.equal(code, 0);
  assert.equal(out, '1970-01-01T00:16:40Z =bass 0.25\n');
  assert.ok(Date.now() - begun < seconds(5));
});

test('--once does not wait for an input without sound', async (t) => {
  const status = (state) => event('status', { source: 'USB', state, overruns: 0, hop_stretch: 1 });
  let said = '';
  const url = await standIn(t, (request, response) => stream(response).write(hello + said), {});
  for (const [state, reason] of [
    ['stalled', 'USB delivers nothing'],
    ['lost', 'USB is gone. Was it unplugged?'],
    ['running', 'The daemon answers, but no result has come yet'],
  ]) {
    said = status(state);
    for (const more of [[], ['--format', 'json']]) {
      const { code, out, err } = await watch(['--once', ...more, url]).end();
      assert.equal(err, `tutti watch: ${url}: ${reason}\n`);
      assert.deepEqual([code, out], [1, '']);
    }
  }
});

test('a terminal has bars, and is as before when it is over', async (t) => {
  const daemon = await startDaemon(['--input', 'demo']);
  t.after(() => daemon.stop('SIGKILL'));
  const ended = await onTerminal('80x24', '▸ ', 'wait:2,TERM', [daemon.url]);
  assert.equal(ended.status, -15);
  assert.ok(ended.restored, 'the settings are as before');
  assert.ok(ended.before.startsWith('\x1b[?1049h\x1b[?25l'), 'another screen, no cursor');
  assert.match(ended.before, /▸ [^\r]*━/);
  assert.match(ended.after, /piano[^\r]*[┼╋]/, 'thresholds');
  assert.match(ended.before, /\x1b\[0;1;32m/);
  assert.ok(ended.after.endsWith('\x1b[?7h\x1b[?25h\x1b[?1049l'), 'back, with the cursor');

  const calm = await onTerminal('40x12', 'level', 'wait:1,key:q', [daemon.url], { NO_COLOR: '1' });
  assert.equal(calm.status, 0);
  assert.ok(calm.restored);
  assert.doesNotMatch(calm.before, /\x1b\[[0-9;]*3[0-9]m/, 'no colours');
  const shown = calm.before.slice(calm.before.lastIndexOf('\x1b[H'))
    .replace(/\x1b\[[0-9;?]*\w/g, '');
  for (const line of shown.split('\r\n')) assert.ok([...line].length < 40, line);

  const moved = await onTerminal('80x24', 'piano',
    'wait:1,30x5,wait:1,TSTP,wait:1,CONT,wait:1,key:q', [daemon.url], { LC_ALL: 'C' });
  assert.equal(moved.status, 0);
  assert.match(moved.after, /piano.*[=.-]\|/);
  assert.match(moved.after, /\x1b\[H[^]*\x1b\[\?1049l[^]*\x1b\[\?1049h[^]*\x1b\[\?1049l$/);
  assert.ok(/^[\x00-\x7f]*$/.test(moved.after), 'ASCII alone');

  const dumb = await onTerminal('80x24', '\n', 'INT', [daemon.url], { TERM: 'dumb' });
  assert.equal(dumb.status, -2);
  for (const line of dumb.before.trim().split('\r\n')) assert.match(line, CHANGE);
});

test('what cannot be reached is said in one sentence', async (t) => {
  const answers = [
    [404, 'text/html', '<h1>nothing</h1>', /: it answers with status 404$/],
    [503, 'application/json', '{"error":"too many\\u001b[2J clients"}',
      /: too many\?\[2J clients \(status 503\)$/],
    [200, 'text/html', '<h1>another server</h1>', /: what answers there is no tuttid$/],
    [500, 'text/plain', 'x'.repeat(100000), /: it answers with status 500$/],
  ];
  for (const [status, type, body, said] of answers) {
    const url = await standIn(t, (request, response) => {
      response.writeHead(status, { 'Content-Type': type }).end(body);
    });
    const { code, out, err } = await watch([url]).end();
    assert.equal(code, 1);
    assert.equal(out, '');
    assert.ok(err.startsWith(`tutti watch: ${url}: `), err);
    assert.match(err.trimEnd(), said);
    const seen = await onTerminal('80x24', 'tutti watch: ', 'wait:0', [url]);
    assert.equal(seen.status, 1);
    assert.doesNotMatch(seen.before, /\x1b/, 'no screen for a mere sentence');
  }
  const nobody = await watch(['127.0.0.1:1']).end();
  assert.equal(nobody.code, 1);
  assert.equal(nobody.err,
    'tutti watch: http://127.0.0.1:1/: Connection refused; is tuttid running there?\n');

  const daemon = await startDaemon(['--input', 'demo', '--max-clients', '1']);
  t.after(() => daemon.stop('SIGKILL'));
  const stranger = await watch(['--source', 'nobody', daemon.url]).end();
  assert.equal(stranger.code, 1);
  assert.match(stranger.err, /there is no source 'nobody'.* \(status 404\)\n$/);
  let refused;
  await readEvents(daemon.url, { enough: (events) => {
    refused ??= events.length > 0 ? watch([daemon.url]) : undefined;
    return refused && refused.process.exitCode !== null;
  } });
  const { code, err } = await refused.end();
  assert.equal(code, 1);
  assert.equal(err, `tutti watch: ${daemon.url}/: too many clients (status 503)\n`);
});

test('it comes back, and makes good for what it missed', async (t) => {
  let returned;
  const url = await standIn(t, (request, response, number) => {
    if (number === 1) {
      response.writeHead(302, { Location: '/elsewhere' }).end();
    } else if (number === 2) {
      stream(response).write(`retry: 100\n\n${hello}${frame(1000, ['bass'], 6)}`
        + `${event('onset', { label: 'bass', time: 999, confidence: 0.5 }, 7)}`);
      setTimeout(() => response.destroy(), 300);
    } else if (number === 3) {
      response.writeHead(503, { 'Content-Type': 'application/json' })
        .end('{"error":"the server is stopping"}');
    } else if (number === 4) {
      returned = request.headers['last-event-id'];
      response.writeHead(302, { Location: '/elsewhere' }).end();
    } else {
      stream(response).write(hello + frame(1010, ['voice'], 8) + frame(1011, ['voice'], 9));
    }
  });
  const lines = watch([url]);
  await lines.until(/=voice/);
  lines.process.kill('SIGHUP');
  const { signal, out, err } = await lines.end();
  assert.equal(signal, 'SIGHUP');
  assert.equal(returned, '7');
  assert.equal(out, '1970-01-01T00:16:40Z +bass 0.50 since 1970-01-01T00:16:39Z\n'
    + '1970-01-01T00:16:51Z -bass\n1970-01-01T00:16:51Z =voice 0.75\n');
  assert.equal(err, `tutti watch: warning: the connection to ${url} was lost (it broke off); `
    + `trying again\ntutti watch: warning: connected to ${url} again\n`);
});

test('a hostile daemon cannot reach the terminal, or make it grow', async (t) => {
  const url = await standIn(t, async (request, response) => {
    stream(response);
    const evil = '\u001b]0;owned\u0007\u009b2J\u202eevil';
    response.write(event('hello', { labels: [evil, 'ok'], model: evil, window_s: 1e999 }));
    response.write(event('status', { source: evil, state: 'running' }));
    response.write(frame(1e12, [evil]) + frame(1000, [evil, evil]) + frame(1001, [evil]));
    for (let i = 0; i < 1000 && !response.destroyed; i++) {
      await new Promise((resolve) => { response.write(`data: ${'x'.repeat(65536)}`, resolve); });
    }
    response.write(`\n\n${frame(1002, [])}${frame(1003, ['ok'])}`);
    response.write(event('onset', { label: 'ok', time: 1003, confidence: 7 }));
  });
  const lines = watch([url]);
  await lines.until(/\+ok/);
  lines.process.kill('SIGTERM');
  const { out } = await lines.end();
  assert.match(out, /=\?\]0;owned\?\?2Jevil/);
  assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  const seen = await onTerminal('80x24', 'ok', 'wait:2,key:q', [url]);
  assert.equal(seen.status, 0);
  assert.doesNotMatch(seen.before + seen.after, /\x1b\]|\x07|\u009b|\u202e/);
});

test('it ends with the input, not with a restart of the daemon', async (t) => {
  const ended = event('status', { source: 'song.wav', state: 'ended' });
  const restarted = await standIn(t, (request, response, number) => {
    stream(response).write(hello + (number === 1 ? ended
      : event('status', { source: 'mic', state: 'running' }) + frame(1000, ['bass'])
        + frame(1001, ['bass'])));
    if (number === 1) setTimeout(() => response.end(), 100);
  });
  const lines = watch([restarted]);
  await lines.until(/=bass/);
  lines.process.kill('SIGTERM');
  await lines.end();

  const stays = await standIn(t, (request, response) => { stream(response).write(hello + ended); });
  const over = await watch([stays]).end();
  assert.deepEqual([over.code, over.err],
    [0, 'tutti watch: the input has ended: song.wav\n']);

  const daemon = await startDaemon(['--input', 'demo']);
  t.after(() => daemon.stop('SIGKILL'));
  const { status, after } = await onTerminal('80x24', 'level', `end:${daemon.process.pid},wait:1`,
    [daemon.url]);
  assert.equal(status, 0);
  assert.match(after, /Reconnecting[^]*No connection/);
  assert.match(after, /\x1b\[\?1049ltutti watch: the input has ended: demo\r\r?\n$/);
});

test('a reader that goes away ends it', async (t) => {
  const daemon = await startDaemon(['--input', 'demo']);
  t.after(() => daemon.stop('SIGKILL'));
  const lines = watch(['--format', 'json', daemon.url]);
  await lines.until(/hello/);
  lines.process.stdout.destroy();
  const { code, err } = await lines.end();
  assert.equal(code, 1);
  assert.equal(err, '');
});

// Health tells the truth when the sound stops coming, and when it comes again.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { getJson, ofKind, readEvents, seconds, startDaemon } from './daemon.mjs';

const rate = 48000;

// Writes a sine of 440 Hz, 20 dB below full scale, to the pipe, in real time, until stopped.
function play(pipe) {
  let frame = 0;
  const block = 4800;
  const write = () => {
    const data = Buffer.alloc(block * 4);
    for (let i = 0; i < block; i++, frame++) {
      data.writeFloatLE(0.1 * Math.sin((2 * Math.PI * 440 * frame) / rate), i * 4);
    }
    pipe.write(data);
  };
  const timer = setInterval(write, (1000 * block) / rate);
  return () => clearInterval(timer);
}

async function waitForHealth(url, status, within) {
  const deadline = Date.now() + within;
  let answer;
  do {
    answer = await getJson(`${url}/healthz`);
    if (answer.status === status) {
      return answer.body;
    }
    await sleep(100);
  } while (Date.now() < deadline);
  assert.fail(`healthz stayed at ${answer.status}: ${JSON.stringify(answer.body)}`);
}

test('a source that stalls turns the health bad, and good again', async (t) => {
  const daemon = await startDaemon(
    ['--input', '-', '--stdin-format', `f32le:${rate}:1`],
    { stdin: 'pipe' },
  );
  t.after(() => daemon.stop('SIGKILL'));

  let stopPlaying = play(daemon.process.stdin);
  t.after(() => stopPlaying());
  await waitForHealth(daemon.url, 200, seconds(10));
  const playing = await readEvents(daemon.url, {
    enough: (events) => ofKind(events, 'frame').length >= 8,
  });
  const level = ofKind(playing, 'frame').at(-1).json.level_dbfs;
  assert.ok(Math.abs(level + 20) < 0.2, `a sine 20 dB below full scale reads ${level}`);

  stopPlaying();
  const stalled = await waitForHealth(daemon.url, 503, seconds(15));
  assert.equal(stalled.late, 'capture');
  assert.ok(stalled.late_s > 0);
  const status = await readEvents(daemon.url, {
    lastEventId: 0,
    enough: (events) => ofKind(events, 'status').some(({ json }) => json.state === 'stalled'),
  });
  assert.ok(ofKind(status, 'status').some(({ json }) => json.state === 'stalled'));

  stopPlaying = play(daemon.process.stdin);
  await waitForHealth(daemon.url, 200, seconds(15));
  stopPlaying();

  daemon.process.stdin.end();
  const deadline = Date.now() + seconds(10);
  while (daemon.process.exitCode === null && Date.now() < deadline) {
    await sleep(50);
  }
  assert.equal(daemon.process.exitCode, 0, 'the end of the pipe is the end of the daemon');
});

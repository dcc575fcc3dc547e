// The daemon on the built-in demo piece, with a real client of its stream.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { getJson, ofKind, readEvents, seconds, startDaemon } from './daemon.mjs';

test('the demo piece reaches a client', async (t) => {
  const daemon = await startDaemon(['--input', 'demo', '--hop', '0.25']);
  t.after(() => daemon.stop('SIGKILL'));

  const info = await getJson(`${daemon.url}/api/v1/info`);
  assert.equal(info.status, 200);
  assert.equal(info.body.source.kind, 'demo');
  assert.equal(info.body.hop_s, 0.25);

  const enough = (events) => ofKind(events, 'frame').length >= 40;
  const events = await readEvents(daemon.url, { enough });

  await t.test('hello comes first and names the labels', () => {
    assert.equal(events[0].event, 'hello');
    assert.deepEqual(events[0].json.labels, info.body.labels);
    assert.ok(events[0].json.labels.includes('piano'));
  });

  await t.test('frames come in order, whole hops apart, and none is lost unsaid', async () => {
    const frames = ofKind(events, 'frame');
    let missing = 0;
    for (let i = 1; i < frames.length; i++) {
      const hops = (frames[i].json.t - frames[i - 1].json.t) / 0.25;
      assert.ok(hops > 0.5, 'later than the one before');
      assert.ok(Math.abs(hops - Math.round(hops)) < 0.05, `${hops} hops`);
      assert.ok(frames[i].id > frames[i - 1].id);
      missing += Math.round(hops) - 1;
    }
    // A machine that is too slow leaves hops out, and says so soon.
    const told = () => /results? (was|were) left out|of sound were lost/.test(daemon.output());
    for (let i = 0; missing > 0 && !told() && i < 50; i++) await sleep(100);
    assert.ok(missing === 0 || told(), `${missing} hops are missing, unsaid`);
    for (const { json } of frames) {
      assert.equal(json.p.length, info.body.labels.length);
      assert.ok(json.p.every((p) => p >= 0 && p <= 1));
    }
  });

  await t.test('something is heard, and its entry is told', () => {
    const onsets = ofKind(events, 'onset');
    assert.ok(onsets.length >= 1);
    for (const { json } of onsets) {
      assert.ok(info.body.labels.includes(json.label));
      assert.ok(json.t >= 0);
    }
  });

  await t.test('time runs with the wall clock', () => {
    const frames = ofKind(events, 'frame');
    const ahead = Math.abs(frames.at(-1).json.time - Date.now() / 1000);
    assert.ok(ahead < 10, `the last frame is ${ahead} s away from now`);
  });

  await t.test('now, history and health agree', async () => {
    const now = await getJson(`${daemon.url}/api/v1/now`);
    assert.equal(now.status, 200);
    assert.ok(now.body.t >= ofKind(events, 'frame').at(-1).json.t);
    const history = await getJson(`${daemon.url}/api/v1/history?from=0&to=${now.body.t}&step=1`);
    assert.equal(history.status, 200);
    assert.ok(history.body.steps.length >= 8);
    const health = await getJson(`${daemon.url}/healthz`);
    assert.equal(health.status, 200);
  });

  await t.test('a client that comes back gets what it missed, once', async () => {
    const resume = ofKind(events, 'frame')[9].id;
    const replay = await readEvents(daemon.url, { lastEventId: resume, enough });
    const missed = events.filter((event) => event.id > resume);
    const numbered = replay.filter((event) => event.id !== undefined);
    assert.deepEqual(
      numbered.slice(0, missed.length).map(({ id, event, data }) => ({ id, event, data })),
      missed.map(({ id, event, data }) => ({ id, event, data })),
    );
    assert.equal(new Set(numbered.map(({ id }) => id)).size, numbered.length);
  });

  await t.test('it stops cleanly', async () => {
    const started = Date.now();
    const end = await daemon.stop('SIGTERM');
    assert.equal(end.code, 0, end.output);
    assert.ok(Date.now() - started < seconds(5));
  });
});

// Two sources in one daemon: each has its own stream, history and health.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { badHealth, getJson, ofKind, readEvents, startDaemon } from './daemon.mjs';

// One second of a sine of this amplitude (0.1 reads -20 dBFS), 16 bits, mono, 8 kHz.
function tone(level) {
  const frames = 8000;
  const file = Buffer.alloc(44 + 2 * frames);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + 2 * frames, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(16000, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(2 * frames, 40);
  for (let i = 0; i < frames; i++)
    file.writeInt16LE(Math.round(32767 * level * Math.sin((2 * Math.PI * 440 * i) / 8000)),
      44 + 2 * i);
  return file;
}

test('two sources go their ways', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-sources-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'loud.wav'), tone(0.5));
  writeFileSync(join(folder, 'soft.wav'), tone(0.005));
  writeFileSync(join(folder, 'tuttid.conf'),
    `[source loud]\ninput = file:${folder}/loud.wav\nat_end = repeat\n`
    + `[source soft]\ninput = file:${folder}/soft.wav\nat_end = repeat\n`
    + `[source short]\ninput = file:${folder}/loud.wav\n`);
  const daemon = await startDaemon(['-c', join(folder, 'tuttid.conf')]);
  t.after(() => daemon.stop('SIGKILL'));

  const { sources } = (await getJson(`${daemon.url}/api/v1/sources`)).body;
  assert.deepEqual(sources.map(({ name }) => name), ['loud', 'soft', 'short']);
  assert.deepEqual(sources.map(({ input }) => input), ['loud.wav', 'soft.wav', 'loud.wav']);
  const soft = (await getJson(`${daemon.url}/api/v1/sources/soft`)).body;
  assert.equal(soft.name, 'soft');
  assert.equal((await getJson(daemon.url + soft.links.info)).body.source.input, 'soft.wav');
  const stranger = await getJson(`${daemon.url}/api/v1/sources/nobody/`);
  assert.equal(stranger.status, 404);
  assert.match(stranger.body.error, /no source 'nobody'/);
  const heard = await Promise.all(['loud', 'soft'].map((name) => readEvents(
    daemon.url,
    {
      path: `/api/v1/sources/${name}/stream`,
      enough: (events) => ofKind(events, 'frame').length >= 8,
    },
  )));
  const level = (events) => ofKind(events, 'frame').at(-1).json.level_dbfs;
  assert.ok(Math.abs(level(heard[0]) + 6) < 0.5, `loud is ${level(heard[0])} dBFS`);
  assert.ok(Math.abs(level(heard[1]) + 46) < 0.5, `soft is ${level(heard[1])} dBFS`);
  assert.equal(ofKind(heard[1], 'status')[0].json.source, 'soft.wav');
  assert.equal(ofKind(heard[1], 'status')[0].json.hop_stretch, 1);

  // One that has ended is told by health, and does not end the others.
  const health = await badHealth(daemon);
  assert.equal(health.status, 503);
  assert.deepEqual(health.body.sources, ['short']);
  assert.equal(daemon.process.exitCode, null);
  const { body } = await getJson(`${daemon.url}/api/v1/sources/short/info`);
  assert.equal(body.source.state, 'ended');
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  assert.match(metrics, /^tutti_source_healthy\{source="loud"\} 1$/m);
  assert.match(metrics, /^tutti_source_healthy\{source="short"\} 0$/m);
  assert.match(metrics, /^tutti_source_state\{source="short",state="ended"\} 1$/m);
  const { code } = await daemon.stop();
  assert.equal(code, 0);
});

// PortAudio for real: a virtual capture device (tests/support) plays a tone, then music, into the
// daemon, which has to find them at the other end; then the device is pulled out.
//
// VIRTUAL_MICROPHONE: the ALSA configuration that defines the device.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { getJson, ofKind, readEvents, seconds, startDaemon, tutti, tuttid } from './daemon.mjs';

const piece = path.resolve(path.dirname(fileURLToPath(import.meta.url)),
  '../../daemon/demo/piece.opus');
const place = mkdtempSync(path.join(tmpdir(), 'tutti-microphone-'));
const gate = path.join(place, 'plugged');
test.after(() => rmSync(place, { recursive: true, force: true }));

function microphone(sound) {
  return {
    ALSA_CONFIG_PATH: process.env.VIRTUAL_MICROPHONE,
    JACK_NO_START_SERVER: '1',
    TUTTI_MICROPHONE_SOUND: sound,
    TUTTI_MICROPHONE_GATE: gate,
  };
}

const frames = (count) => (events) => ofKind(events, 'frame').length >= count;

// A second of a sine of 440 Hz, 20 dB below full scale.
const tone = path.join(place, 'tone.f32');
writeFileSync(tone, Float32Array.from({ length: 48000 },
  (_, i) => 0.1 * Math.sin((2 * Math.PI * 440 * i) / 48000)));

function plugIn() {
  writeFileSync(gate, '');
}

test('tutti devices lists the microphone', () => {
  plugIn();
  const { stdout, stderr } = spawnSync(tutti, ['devices'], {
    encoding: 'utf8', env: { ...process.env, ...microphone(tone) },
  });
  assert.match(stdout, /stage/);
  assert.equal(stderr, '', 'nothing that ALSA or JACK say reaches the user');
});

test('a device that does not exist is refused with what there is', () => {
  const { status, stderr } = spawnSync(tuttid, ['--input', 'balcony', '--listen', '127.0.0.1:0'], {
    encoding: 'utf8', env: { ...process.env, ...microphone(tone) },
  });
  assert.notEqual(status, 0);
  assert.match(stderr, /balcony/);
  assert.match(stderr, /stage/);
});

test('a tone arrives at its level', async (t) => {
  plugIn();
  const daemon = await startDaemon(['--input', 'stage'], { env: microphone(tone) });
  t.after(() => daemon.stop('SIGKILL'));
  const events = await readEvents(daemon.url, { enough: frames(8) });
  const level = ofKind(events, 'frame').at(-1).json.level_dbfs;
  assert.ok(Math.abs(level + 20) < 0.2, `a sine 20 dB below full scale reads ${level}`);
  const info = await getJson(`${daemon.url}/api/v1/info`);
  assert.equal(info.body.source.kind, 'device');
  assert.equal(info.body.source.rate_hz, 48000);
  const end = await daemon.stop('SIGINT');
  assert.equal(end.code, 0, end.output);
});

test('music arrives and is recognized; a device that is pulled out is told and comes back',
  async (t) => {
    plugIn();
    const sound = path.join(place, 'music.f32');
    execFileSync('ffmpeg', ['-loglevel', 'error', '-i', piece, '-t', '8', '-f', 'f32le', '-ac', '1',
      '-ar', '48000', '-y', sound]);
    const daemon = await startDaemon(['--input', 'stage'], { env: microphone(sound) });
    t.after(() => daemon.stop('SIGKILL'));

    const events = await readEvents(daemon.url, { enough: frames(24) });
    const onsets = ofKind(events, 'onset').map(({ json }) => json.label);
    assert.ok(onsets.includes('flute'), `heard ${onsets}, and the piece begins with a flute`);

    renameSync(gate, `${gate}-out`);
    const unplugged = await readEvents(daemon.url, {
      lastEventId: events.at(-1).id,
      enough: (seen) => ofKind(seen, 'status').some(({ json }) => json.state === 'lost'),
    });
    assert.ok(ofKind(unplugged, 'status').some(({ json }) => json.state === 'lost'),
      'the loss is told');
    await waitFor(async () => (await getJson(`${daemon.url}/healthz`)).status === 503);

    renameSync(`${gate}-out`, gate);
    const back = await readEvents(daemon.url, {
      lastEventId: unplugged.at(-1).id,
      enough: (seen) => ofKind(seen, 'frame').length >= 4,
      within: seconds(30),
    });
    assert.ok(ofKind(back, 'frame').length >= 4, 'sound comes again');
    assert.equal((await getJson(`${daemon.url}/healthz`)).status, 200);
    const end = await daemon.stop('SIGTERM');
    assert.equal(end.code, 0, end.output);
  });

async function waitFor(condition, within = seconds(15)) {
  const deadline = Date.now() + within;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'waited in vain');
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

// How many sources one daemon sustains: plays a file in real time as so many sources, more and more
// of them, until the machine does not keep up.
//
//   TUTTID=build/daemon/tuttid node tests/bench/streams.mjs [SECONDS [HOP_S [COUNT...]]]
//
// It keeps up while no result is left out, no sound is lost, the hop is not stretched, each source
// plays at its pace, and no newest result is later than a hop. Prints each number that was tried
// with processor use (100% is one core) and resident memory, then the largest that was sustained.
// With COUNTs only these are tried. With TASKSET=0 (a list of cores, see taskset(1)) the daemon has
// these cores alone.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startDaemon } from '../e2e/daemon.mjs';

const duration = Number(process.argv[2] ?? 15);
const hop = Number(process.argv[3] ?? 0.25);
const MOST = 256; // sources that a daemon takes
const counts = process.argv.slice(4).map((count) => Math.min(Number(count), MOST));
const RATE = 48000;
const WARM_UP_S = 8;
const KEEP_H = 0.5; // so that the histories of all sources fit in what is allowed
const folder = mkdtempSync(join(tmpdir(), 'tutti-streams-'));
const sound = join(folder, 'sound.wav');

// 20 s of noise that swells and fades, 16 bits, mono: never silence, which would cost nothing.
function writeSound() {
  const frames = 20 * RATE;
  const file = Buffer.alloc(44 + 2 * frames);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + 2 * frames, 4);
  file.write('WAVEfmt ', 8);
  const format = [[16, 4], [1, 2], [1, 2], [RATE, 4], [2 * RATE, 4], [2, 2], [16, 2]];
  format.reduce((at, [value, size]) => {
    file.writeUIntLE(value, at, size);
    return at + size;
  }, 16);
  file.write('data', 36);
  file.writeUInt32LE(2 * frames, 40);
  for (let i = 0; i < frames; i++) {
    const loud = 0.2 + 0.15 * Math.sin((2 * Math.PI * i) / RATE);
    file.writeInt16LE(Math.round(32767 * loud * (2 * Math.random() - 1)), 44 + 2 * i);
  }
  writeFileSync(sound, file);
}

function writeConfig(count) {
  const sources = Array.from(
    { length: count },
    (_, i) => `[source s${i}]\ninput = file:${sound}\nat_end = repeat\n`,
  );
  const path = join(folder, 'tuttid.conf');
  writeFileSync(
    path,
    `${sources.join('')}[recognition]\nhop_s = ${hop}\n[history]\nkeep_h = ${KEEP_H}\n`,
  );
  return path;
}

// {name: [value of each source]}, of one name without sources: [value]
async function metrics(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const values = {};
  for (const line of text.split('\n')) {
    const [, name, value] = /^(\w+)(?:\{[^}]*\})? (\S+)$/.exec(line) ?? [];
    if (name) (values[name] ??= []).push(Number(value));
  }
  return values;
}

function residentMb(pid) {
  const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kb) / 1024;
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0);

async function measure(count) {
  const daemon = await startDaemon(['-c', writeConfig(count)]);
  if (process.env.TASKSET !== undefined)
    spawnSync('taskset', ['-a', '-p', '-c', process.env.TASKSET, String(daemon.process.pid)]);
  await sleep(WARM_UP_S * 1000);
  const before = await metrics(daemon.url);
  const start = performance.now();
  let lag = 0;
  let stretch = 1;
  for (let i = 0; i < duration * 2; i++) {
    await sleep(500);
    const now = await metrics(daemon.url);
    lag = Math.max(lag, largest(now.tutti_source_lag_seconds));
    stretch = Math.max(stretch, largest(now.tutti_source_hop_stretch));
  }
  const after = await metrics(daemon.url);
  const passed = (performance.now() - start) / 1000;
  const memory = residentMb(daemon.process.pid);
  await daemon.stop();
  const pace = after.tutti_source_frames_total.map(
    (frames, i) => (frames - before.tutti_source_frames_total[i]) / RATE / passed,
  );
  const result = {
    cpu: (100 * (after.tutti_cpu_seconds_total[0] - before.tutti_cpu_seconds_total[0])) / passed,
    memory,
    lag,
    stretch,
    pace: Math.min(...pace),
    lost: sum(after.tutti_source_lost_frames_total),
    skipped:
      sum(after.tutti_source_skipped_hops_total) - sum(before.tutti_source_skipped_hops_total),
  };
  result.sustained =
    result.skipped === 0 && result.lost === 0 && stretch === 1 && result.pace > 0.98 && lag <= hop;
  console.log(
    `${String(count).padStart(4)} sources: ${result.cpu.toFixed(1)}% of a core, `
      + `${memory.toFixed(1)} MB, largest lag ${(1000 * lag).toFixed(0)} ms, hops left out `
      + `${result.skipped}, hop times ${stretch}, pace ${result.pace.toFixed(3)}`
      + `${result.sustained ? '' : ' - too many'}`,
  );
  return result.sustained;
}

// Doubles while it goes well, then halves the interval.
async function search() {
  let good = 0;
  let bad = MOST + 1;
  for (let count = 1; count < bad; count = Math.min(2 * count, MOST)) {
    if (await measure(count)) good = count;
    else bad = count;
    if (count === MOST) break;
  }
  while (bad - good > Math.max(1, good / 20)) {
    const count = Math.floor((good + bad) / 2);
    if (await measure(count)) good = count;
    else bad = count;
  }
  const most = good === MOST ? ', the most that a daemon takes' : '';
  console.log(`sustained at a hop of ${hop} s: ${good} sources${most}`);
}

try {
  writeSound();
  if (counts.length > 0) for (const count of counts) await measure(count);
  else await search();
} finally {
  rmSync(folder, { recursive: true });
}

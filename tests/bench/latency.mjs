// From the end of a hop to its event at a client, through the whole daemon: the time between
// writing the hop's last sample into tuttid's standard input and reading the frame from the stream.
//
//   TUTTID=build/daemon/tuttid node tests/bench/latency.mjs [SECONDS [RATE_HZ [HOP_S]]]
//
// It includes this program's own lateness (it writes every 2 ms). Prints percentiles in
// milliseconds.

import { readEvents, startDaemon } from '../e2e/daemon.mjs';
import { percentile } from './percentile.mjs';

const duration = Number(process.argv[2] ?? 30);
const rate = Number(process.argv[3] ?? 48000);
const hop = Number(process.argv[4] ?? 0.25);
const second = Buffer.alloc(rate * 4);

const daemon = await startDaemon(
  ['--input', '-', '--stdin-format', `f32le:${rate}:1`, '--hop', String(hop)],
  { stdin: 'pipe' },
);
for (let i = 0; i < rate; i++) {
  second.writeFloatLE(0.2 * (Math.random() - 0.5), i * 4);
}

const start = performance.now();
const written = []; // {frames: written in all, at: when, ms}, oldest first
let frames = 0;
const writer = setInterval(() => {
  const due = Math.floor(((performance.now() - start) * rate) / 1000) - frames;
  if (due > 0 && due <= rate) {
    daemon.process.stdin.write(second.subarray(0, due * 4));
    frames += due;
    written.push({ frames, at: performance.now() });
  }
}, 2);

const latencies = [];
await readEvents(daemon.url, {
  within: duration * 1000,
  enough: (events) => {
    const now = performance.now();
    for (const { event, json } of events.splice(0)) {
      if (event === 'frame' && json.t > 2) {
        const end = Math.round(json.t * rate);
        latencies.push(now - written.find((block) => block.frames >= end).at);
      }
    }
    return false;
  },
});
clearInterval(writer);
await daemon.stop('SIGKILL');

latencies.sort((a, b) => a - b);
const at = (share) => percentile(latencies, share);
console.log(`${latencies.length} frames at ${rate} Hz, hop ${hop} s: median ${at(0.5)} ms, `
  + `90% ${at(0.9)} ms, 99% ${at(0.99)} ms, most ${at(1)} ms`);

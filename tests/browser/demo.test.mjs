/* The real daemon on its demo piece, seen through the page: what the score says is what it shows.
 * TUTTID: the program, default build/daemon/tuttid. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startDaemon } from '../e2e/daemon.mjs';
import { becomesHot, launch, open, picture } from './browser.mjs';

const TRUTH = new URL('../../daemon/demo/piece.csv', import.meta.url);
const WATCHED_S = 44; // flute, then piano, then cello, alone and together
const HELD_S = 1; // a headline that has just changed waits for so long, with margin
const SETTLED_S = 4; // a window of 3 s, and the time to be sure

/* [{label, on_s, off_s}] as the score has it. */
async function readTruth() {
  const lines = (await readFile(TRUTH, 'utf8')).split('\n');
  const rows = lines.filter((line) => /^\w+,[\d.]+,[\d.]+$/.test(line));
  return rows.map((line) => {
    const [label, on_s, off_s] = line.split(',');
    return { label, on_s: Number(on_s), off_s: Number(off_s) };
  });
}

/* The labels that sound at t and have done so long enough, or null while something changes. */
function sounding(truth, t) {
  const changes = truth.flatMap(({ on_s, off_s }) => [on_s, off_s]);
  if (changes.some((change) => change <= t && t < change + SETTLED_S)) return null;
  return truth.filter(({ on_s, off_s }) => on_s <= t && t < off_s).map(({ label }) => label);
}

let browser, daemon;

before(async () => {
  daemon = await startDaemon(['--input', 'demo']);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await daemon?.stop();
});

test('the right instrument is on top while the demo plays', async () => {
  const truth = await readTruth();
  assert.ok(truth.length >= 8);
  const page = await open(browser, `${daemon.url}/`, {
    colorScheme: 'dark',
    init: () => {
      // Notes what the page shows whenever a frame has arrived and been drawn.
      window.seen = [];
      const Native = EventSource;
      window.EventSource = class extends Native {
        constructor(...all) {
          super(...all);
          this.addEventListener('frame', ({ data }) => {
            window.latest = JSON.parse(data);
            requestAnimationFrame(() => {
              const { t, on } = window.latest; // what the page draws in this very moment
              setTimeout(() => {
                const names = [...document.querySelectorAll('#playing li')];
                const labels = names.map((name) =>
                  name.textContent.toLowerCase().replace(' ', '_'),
                );
                window.seen.push({ t, on, labels });
              });
            });
          });
        }
      };
    },
  });
  await page.waitForFunction((end) => window.seen.at(-1)?.t >= end, WATCHED_S, {
    timeout: 1000 * (WATCHED_S + 30),
  });
  const seen = await page.evaluate(() => window.seen);
  await picture(page, 'demo');

  assert.ok(seen.length > 100, `${seen.length} frames`);
  const sorted = (names) => [...names].sort().join(' ');
  for (const { t, labels } of seen) {
    const recent = seen.filter((one) => one.t <= t && one.t > t - HELD_S);
    const told = recent.map(({ on }) => sorted(on));
    assert.ok(told.includes(sorted(labels)), `the page at ${t} s: ${labels}; told: ${told}`);
  }

  const settled = seen
    .map(({ t, labels }) => ({ t, labels, right: sounding(truth, t) }))
    .filter(({ right }) => right !== null && right.length > 0);
  assert.ok(settled.length >= 40, `${settled.length} settled moments`);
  const good = settled.filter(({ labels, right }) => right.includes(labels[0]));
  console.log(`right on top in ${good.length} of ${settled.length} settled moments`);
  for (const { t, labels, right } of settled)
    if (!right.includes(labels[0])) console.log(`${t} s: shown ${labels}, sounding ${right}`);
  assert.ok(good.length >= 0.9 * settled.length);

  // A reload fills the picture from the daemon's history: the flute that began the piece.
  const labels = await page.$$eval('.name', (names) => names.map((name) => name.textContent));
  const end_s = seen.at(-1).t;
  const ago = (t) => 1 - (end_s - t) / 120;
  await page.reload();
  await becomesHot(page, labels.indexOf('flute'), labels.length, ago(8), ago(11));
  await page.done();
});

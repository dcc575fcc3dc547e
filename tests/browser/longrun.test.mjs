/* A page that stays open for weeks: hours of frames, as fast as they go through, and nothing may
 * grow. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, picture } from './browser.mjs';
import { LABELS, sceneFrame, startMock } from './mock_server.mjs';

const BATCH = 200;
const WARM_FRAMES = 1000;
const FRAMES = 6000; // 25 minutes of sound
const GROWTH_BYTES = 500_000; // a history that forgets nothing grows by 1,100,000

let browser, mock;

before(async () => {
  [browser, mock] = await Promise.all([launch(), startMock()]);
});
after(async () => {
  await browser.close();
  await mock.close();
});

test('neither heap, nodes nor listeners grow', async () => {
  const page = await open(browser, mock.url, {
    init: () => {
      window.seen = 0;
      const Native = EventSource;
      window.EventSource = class extends Native {
        constructor(...all) {
          super(...all);
          this.addEventListener('frame', () => window.seen++);
        }
      };
    },
  });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  await page.waitForSelector('#parts li');

  let sent = 0;
  const send = async (frames) => {
    for (const end = sent + frames; sent < end;) {
      for (let i = 0; i < BATCH; i++, sent++) {
        // Scenes pass so quickly here that the headline changes in nearly every batch.
        const { p, on, extra } = sceneFrame('ensemble', LABELS, mock.t);
        mock.frame(p, on, extra);
      }
      if (sent % 1000 === 0) {
        mock.send('gap', { t: mock.t, lost_s: 0.5 });
        mock.lagged(1);
      }
      await page.waitForFunction((count) => window.seen === count, sent);
    }
  };
  const measure = async () => {
    // What fades is gone before it is counted.
    await page.waitForFunction(() => document.querySelectorAll('.ghost').length === 0);
    for (let i = 0; i < 3; i++) await devtools.send('HeapProfiler.collectGarbage');
    const { metrics } = await devtools.send('Performance.getMetrics');
    const value = (name) => metrics.find((metric) => metric.name === name).value;
    const elements = await page.evaluate(() => document.querySelectorAll('*').length);
    return {
      elements,
      heap: value('JSHeapUsedSize'),
      nodes: value('Nodes'),
      listeners: value('JSEventListeners'),
    };
  };

  await send(WARM_FRAMES);
  const before = await measure();
  await send(FRAMES);
  const after = await measure();
  await picture(page, 'after-an-hour');
  console.log(
    `heap ${before.heap} -> ${after.heap} bytes, nodes ${before.nodes} -> ${after.nodes}`,
  );

  assert.ok(after.heap - before.heap < GROWTH_BYTES, `heap: ${before.heap} -> ${after.heap}`);
  // A name more or less in the headline is a handful of nodes.
  assert.ok(Math.abs(after.elements - before.elements) <= 10, 'elements');
  assert.ok(after.nodes - before.nodes <= 40, `nodes: ${before.nodes} -> ${after.nodes}`);
  assert.equal(after.listeners, before.listeners);
  await page.done();
});

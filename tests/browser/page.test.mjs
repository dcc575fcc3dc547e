/* The page, against a daemon that plays what each test needs, and fails as it needs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { becomesHot, distance, plays, shows } from './browser.mjs';
import { keepPlaying, lane, listen, mock, play } from './fixture.mjs';
import { LABELS, startMock } from './mock_server.mjs';

const PIANO = LABELS.indexOf('piano');
const CELLO = LABELS.indexOf('cello');

test('what is no event of ours changes nothing', async () => {
  const page = await listen();
  const garbage = [
    '',
    '{',
    'null',
    '7',
    '[]',
    '{}',
    '{"t":1}',
    '{"t":1,"p":[0.5],"on":null}',
    '{"t":"x","p":null}',
    '{"label":"nobody","t":1}',
    '{"label":{},"t":null}',
    '{"labels":7}',
    '{"lost_s":-1}',
    '{"dropped":"many"}',
  ];
  const types = ['hello', 'frame', 'onset', 'offset', 'gap', 'lagged', 'surprise'];
  for (const client of mock.clients)
    for (const type of types)
      for (const data of garbage) client.write(`event: ${type}\ndata: ${data}\n\n`);
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  assert.equal(await page.locator('#parts li').count(), LABELS.length);
  await page.done();
});

test('hostile labels are text and nothing else', async () => {
  const labels = [
    '<img src=x onerror=alert(1)>',
    '"><script>alert(2)</script>',
    '__proto__',
    '\u202Eonaip\u0007',
    'y'.repeat(3000),
    'constructor',
  ];
  const evil = await startMock({ labels });
  const page = await listen({}, evil);
  evil.frame({ [labels[0]]: 0.9, constructor: 0.8 }, [labels[0], 'constructor']);
  await plays(page, ['<img src=x onerror=alert(1)>', 'Constructor']);
  assert.match(await page.title(), /^<img src=x onerror=alert\(1\)> & constructor · Tutti$/);
  assert.equal(await page.locator('img, #parts script').count(), 0);
  const names = await page.$$eval('.name', (all) => all.map((name) => name.textContent));
  assert.deepEqual(names.slice(2, 4), ['proto', 'onaip']);
  assert.equal(names[4].length, 40);
  const { width, inner } = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    inner: innerWidth,
  }));
  assert.ok(width <= inner, `scrolls sideways: ${width} > ${inner}`);
  await page.done();
  await evil.close();
});

test('bars reach the probabilities, and say so to screen readers', async () => {
  const page = await listen();
  mock.frame({ piano: 0.83, cello: 0.41 }, ['piano']);
  const bar = (index) =>
    page
      .locator('.bar')
      .nth(index)
      .evaluate(
        (element) => element.getBoundingClientRect().width / element.parentElement.clientWidth,
      );
  for (const [index, value] of [
    [PIANO, 0.83],
    [CELLO, 0.41],
    [0, 0.02],
  ]) {
    await page.waitForFunction(
      ([i, wanted]) => {
        const element = document.querySelectorAll('.bar')[i];
        const share = element.getBoundingClientRect().width / element.parentElement.clientWidth;
        return Math.abs(share - wanted) < 0.01;
      },
      [index, value],
    );
    assert.ok(Math.abs((await bar(index)) - value) < 0.01);
  }
  const meter = page.getByRole('meter', { name: 'piano', exact: true });
  assert.equal(await meter.getAttribute('aria-valuenow'), '83');
  assert.equal(await meter.getAttribute('aria-valuetext'), '83%, playing');
  assert.deepEqual(await page.$$eval('.on .name', (all) => all.map((name) => name.textContent)), [
    'piano',
  ]);
  assert.deepEqual(
    await page.$$eval('.name', (all) => all.map((name) => name.textContent)),
    LABELS.map((label) => label.replace('_', ' ')),
  );
  await page.done();
});

test('the tick of a bar stands where its state changes next', async (t) => {
  const page = await listen();
  keepPlaying(t, { piano: 0.4, cello: 0.4 }, ['piano']); // piano is leaving, cello has not come
  const tick = (index, wanted) =>
    page.waitForFunction(
      ([i, share]) => {
        const row = document.querySelectorAll('#parts li')[i];
        const track = row.querySelector('.track');
        const mark = row.querySelector('.threshold');
        return Math.abs(mark.offsetLeft / track.clientWidth - share) < 0.02;
      },
      [index, wanted],
    );
  await tick(PIANO, 0.3); // below its bar, which is coloured
  await tick(CELLO, 0.5); // beyond its bar, which is not
  const meter = page.getByRole('meter', { name: 'piano', exact: true });
  const title = 'Counts as playing from 50 %, until below 30 %';
  assert.equal(await meter.getAttribute('title'), title);
  await page.done();
});

test('the last entries are told with the time of day, the newest first', async () => {
  const page = await listen({ timezoneId: 'UTC' });
  const started_s = Date.UTC(2026, 0, 1, 21, 13, 0) / 1000;
  mock.restart(started_s);
  play(40, { saxophone: 0.9 }, ['saxophone']);
  play(24, { saxophone: 0.9, drums: 0.9 }, ['drums', 'saxophone']);
  const rows = page.getByRole('list', { name: 'Last entries' }).getByRole('listitem');
  // Frames came all at once here, so how long ago it was depends on the clock: it only grows.
  await page.waitForFunction(() => document.querySelectorAll('#entries li').length === 2);
  const [first, second] = await rows.allInnerTexts();
  assert.match(first, /^drums 21:13:39 \(\d+:\d\d ago\)$/);
  assert.match(second, /^saxophone 21:13:00 \(\d+:\d\d ago\)$/);
  await page.done();
});

test('the heat map is hot where and when a label sounds', async () => {
  const page = await listen();
  play(10, {}, []);
  play(20, { piano: 0.95 }, ['piano']);
  play(10, { cello: 0.95 }, ['cello']);
  // The present is at the right edge: cello from -10 s, piano from -30 s to -10 s.
  const at = (s) => 1 - s / 120;
  await becomesHot(page, CELLO, LABELS.length, at(0.5), at(0.1));
  const quiet = await lane(page, 0, at(35), at(5));
  assert.ok(distance(await lane(page, PIANO, at(28), at(13)), quiet) > 150);
  assert.ok(distance(await lane(page, PIANO, at(7), at(2)), quiet) < 30);
  assert.ok(distance(await lane(page, CELLO, at(7), at(2)), quiet) > 150);
  assert.ok(distance(await lane(page, CELLO, at(28), at(13)), quiet) < 30);
  assert.ok(distance(await lane(page, PIANO, at(38), at(32)), quiet) < 30);
  // Before the first sound nothing is known: no paint but the grid.
  assert.ok((await lane(page, PIANO, at(59), at(45)))[3] < 1);
  assert.equal((await lane(page, PIANO, at(28), at(13)))[3], 255);
  await page.done();
});

test('a reload does not start empty', async () => {
  play(60, { cello: 0.95 }, ['cello']);
  play(30, { piano: 0.95 }, ['piano']);
  const page = await listen();
  mock.frame({ piano: 0.95 }, ['piano']);
  const at = (s) => 1 - s / 120;
  while ((await lane(page, 0, at(60), at(50)))[3] < 255) await page.waitForTimeout(50);
  const quiet = await lane(page, 0, at(80), at(5));
  assert.ok(distance(await lane(page, CELLO, at(85), at(40)), quiet) > 150);
  assert.ok(distance(await lane(page, PIANO, at(85), at(40)), quiet) < 30);
  assert.ok(distance(await lane(page, PIANO, at(25), at(5)), quiet) > 150);
  assert.ok((await lane(page, CELLO, at(119), at(100)))[3] < 1);
  await page.done();
});

test('a page opened when nothing comes any more shows what was heard', async () => {
  play(60, { cello: 0.95 }, ['cello']);
  play(30, { piano: 0.95 }, ['piano']);
  mock.kind = 'file';
  mock.status({ state: 'ended' });
  const page = await listen();
  await shows(page, 'rest', 'The end');
  await shows(page, 'latest', 'last');
  const at = (s) => 1 - s / 120;
  await becomesHot(page, PIANO, LABELS.length, at(25), at(0.5)); // up to the newest known moment
  const quiet = await lane(page, 0, at(85), at(5));
  assert.ok(distance(await lane(page, CELLO, at(85), at(40)), quiet) > 60);
  assert.ok(distance(await lane(page, PIANO, at(85), at(40)), quiet) < 30);
  assert.ok((await lane(page, CELLO, at(119), at(100)))[3] < 1);
  await plays(page, []); // nothing is claimed
  await page.done();
});

test('the meter shows level, peak and clipping', async () => {
  const page = await listen();
  assert.equal(await page.isVisible('#clip'), false, 'a light that is out is not there');
  mock.frame({}, [], { level_dbfs: -30, peak_dbfs: -15, clipped: true });
  await shows(page, 'level-text', '−30 dBFS');
  const at = (id) => page.$eval(`#${id}`, (element) => +element.style.getPropertyValue('--at'));
  assert.ok(Math.abs((await at('level-bar')) - 0.5) < 0.01);
  assert.ok(Math.abs((await at('level-peak')) - 0.75) < 0.01);
  assert.equal(await page.isVisible('#clip'), true);
  const meter = page.getByRole('meter', { name: 'Input level' });
  assert.equal(await meter.getAttribute('aria-valuetext'), '−30 dBFS, clipping');
  mock.frame({}, [], { level_dbfs: -50, peak_dbfs: -40 });
  await page.waitForFunction(
    () =>
      Math.abs(document.getElementById('level-bar').style.getPropertyValue('--at') - 1 / 6) < 0.01,
  );
  assert.ok((await at('level-peak')) > 0.7, 'the peak is held');
  await page.done();
});

test('silence looks neither good nor bad', async () => {
  const page = await listen();
  const dot = () => page.$eval('#state .dot', (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return [backgroundColor, getComputedStyle(document.querySelector('.legend')).color];
  });
  const [good, muted] = await dot();
  assert.notEqual(good, muted);
  const silence = setInterval(
    () => mock.frame({}, [], { level_dbfs: -120, peak_dbfs: -120 }), 250,
  );
  try {
    await shows(page, 'rest', 'Silence');
    await page.waitForFunction(
      () => document.getElementById('state').dataset.kind === 'quiet',
    );
  } finally {
    clearInterval(silence);
  }
  const [quiet] = await dot();
  assert.equal(quiet, muted);
  await page.done();
});

test('a hidden page draws nothing, and is up to date when it is seen again', async () => {
  const page = await listen({
    init: () => {
      window.concealed = false;
      window.drawn = 0;
      Object.defineProperty(document, 'hidden', { get: () => window.concealed });
      const { clearRect } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.clearRect = function (...all) {
        window.drawn++;
        return clearRect.apply(this, all);
      };
    },
  });
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  const conceal = (hidden) =>
    page.evaluate((value) => {
      window.concealed = value;
      document.dispatchEvent(new Event('visibilitychange'));
      window.drawn = value ? 0 : window.drawn;
    }, hidden);
  await conceal(true);
  play(20, { cello: 0.9 }, ['cello']);
  await page.waitForFunction(() => document.title === 'Cello · Tutti');
  await page.waitForTimeout(1200);
  assert.equal(await page.evaluate(() => window.drawn), 0);
  await conceal(false);
  await page.waitForFunction(() => window.drawn > 0);
  const at = (s) => 1 - s / 120;
  assert.ok(
    distance(await lane(page, CELLO, at(15), at(2)), await lane(page, 0, at(15), at(2))) > 150,
  );
  await page.done();
});

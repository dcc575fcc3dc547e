/* One source of several: the list, the address, and what belongs to the one that is shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, picture, plays, shows } from './browser.mjs';
import { browser, keepPlaying, listen, mock } from './fixture.mjs';
import { startMock } from './mock_server.mjs';

test('with one source there is nothing to choose', async () => {
  const page = await listen();
  await page.waitForFunction(() => document.getElementById('sources').value === 'main');
  assert.equal(await page.locator('#choice').isVisible(), false);
  assert.ok(mock.requests.some(({ pathname }) => pathname === '/api/v1/stream'));
  await page.done();
});

test('of several sources the first is shown, or the one that is chosen', async (t) => {
  const several = await startMock({ sources: ['stage', 'Hall_2-b', 'foyer'] });
  t.after(() => several.close());
  const asked = (path) => several.requests.some(({ pathname }) => pathname === path);
  const page = await listen({}, several);
  await page.locator('#choice').waitFor({ state: 'visible' });
  assert.deepEqual(await page.locator('#sources option').allInnerTexts(), several.sources);
  assert.equal(await page.locator('#sources').inputValue(), 'stage');
  assert.ok(asked('/api/v1/stream'));
  await picture(page, 'several-sources');

  several.requests.length = 0;
  await page.getByLabel('Source').selectOption('Hall_2-b');
  await page.waitForURL('**/?source=Hall_2-b');
  await page.waitForFunction(() => document.getElementById('sources').value === 'Hall_2-b');
  while (!asked('/api/v1/sources/Hall_2-b/info')) await page.waitForTimeout(20); // after hello
  several.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  for (const what of ['stream', 'info', 'history', 'cues'])
    assert.ok(asked(`/api/v1/sources/Hall_2-b/${what}`), what);
  assert.ok(!asked('/api/v1/stream'));
  await page.goBack();
  await page.waitForFunction(() => document.getElementById('sources').value === 'stage');
  await page.done();
});

test('who chooses with the keyboard stays in the list, and the page stays the page', async (t) => {
  const several = await startMock({ sources: ['stage', 'hall', 'foyer'] });
  t.after(() => several.close());
  const page = await listen({}, several);
  await page.locator('#choice').waitFor({ state: 'visible' });
  await page.evaluate(() => (window.same = true)); // until the page is loaded anew
  several.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  const asked = (path) => several.requests.some(({ pathname }) => pathname === path);
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await page.waitForURL('**/?source=hall');
  await plays(page, []); // nothing is claimed that was heard elsewhere
  while (!asked('/api/v1/sources/hall/info')) await page.waitForTimeout(20); // after hello
  several.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'sources');
  assert.equal(await page.evaluate(() => window.same), true);
  assert.equal(several.clients.size, 1, 'the stream of before is closed');
  await page.goBack();
  await page.waitForFunction(() => document.getElementById('sources').value === 'stage');

  // Who goes on to the last one passes by the one between.
  several.requests.length = 0;
  await page.evaluate(() => {
    const list = document.getElementById('sources');
    for (const name of ['hall', 'foyer']) {
      list.value = name;
      list.dispatchEvent(new Event('change'));
    }
  });
  await page.waitForURL('**/?source=foyer');
  while (!asked('/api/v1/sources/foyer/info')) await page.waitForTimeout(20);
  assert.ok(!several.requests.some(({ pathname }) => pathname.includes('/hall/')));
  assert.equal(await page.evaluate(() => window.same), true);
  await page.done();
});

test('of several sources the page says which one it shows, and which do not run', async (t) => {
  const several = await startMock({ sources: ['stage', 'Hall_2-b'] });
  t.after(() => several.close());
  several.states['Hall_2-b'] = 'ended';
  const page = await open(browser, `${several.url}?source=Hall_2-b`);
  const options = page.locator('#sources option');
  await page.waitForFunction(() => document.querySelectorAll('#sources option').length === 2);
  assert.deepEqual(await options.allInnerTexts(), ['stage', 'Hall_2-b – ended']);
  await page.waitForSelector('#parts li');
  keepPlaying(t, { piano: 0.9 }, ['piano'], several);
  await page.waitForFunction(() => document.title === 'Piano · Hall_2-b · Tutti');
  assert.equal(await page.textContent('#eyebrow'), 'Now playing · Hall_2-b');
  await shows(page, 'announcer', 'Hall_2-b. Now playing: piano.');
  assert.match(await page.textContent('#source'), /^Source Hall_2-b /);
  // The daemon tells of another state on the stream; the list follows.
  several.states.stage = 'lost';
  several.status({ state: 'stalled' });
  await page.waitForFunction(
    () => document.querySelector('#sources option').text === 'stage – lost',
  );
  await page.done();
});

test('the longest name of a source fits a small phone', async (t) => {
  const several = await startMock({ sources: ['W'.repeat(32), 'hall'] });
  t.after(() => several.close());
  const page = await listen({ viewport: { width: 320, height: 640 } }, several);
  await page.locator('#choice').waitFor({ state: 'visible' });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(sideways <= 0, 'scrolls sideways');
  assert.ok((await page.locator('#theme').boundingBox()).x < 320);
  await picture(page, 'several-sources-small-phone');
  await page.done();
});

test('an address that names no source is told so, beside what the first one plays', async (t) => {
  const several = await startMock({ sources: ['stage', 'hall'] });
  t.after(() => several.close());
  const page = await open(browser, `${several.url}?source=cellar`);
  await shows(page, 'notice', 'There is no source “cellar” here. This is “stage”.');
  assert.equal(await page.locator('#sources').inputValue(), 'stage');
  several.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  const paths = () => several.requests.map(({ pathname }) => pathname);
  assert.ok(paths().includes('/api/v1/stream'));
  assert.ok(!paths().some((path) => path.includes('cellar')));
  await picture(page, 'no-such-source');

  await page.goto(`${several.url}?source=..%2F..%2F${'x'.repeat(200)}%3Cb%3E`);
  const cut = `../../${'x'.repeat(33)}…`;
  await shows(page, 'notice', `There is no source “${cut}” here. This is “stage”.`);
  await page.getByLabel('Source').selectOption('hall');
  await page.waitForURL('**/?source=hall');
  await page.waitForFunction(() => document.getElementById('sources').value === 'hall');
  assert.equal(await page.locator('#notice').isVisible(), false);
  await page.done();
});

test('the cues of the source that is shown can be downloaded', async (t) => {
  const several = await startMock({ sources: ['stage', 'hall'] });
  t.after(() => several.close());
  several.cues = [{ label: 'piano', on_s: 1, off_s: 2, time: 0, confidence: 0.9 }];
  for (const [query, api, name] of [
    ['', '/api/v1/', 'tutti-cues'],
    ['?source=hall', '/api/v1/sources/hall/', 'tutti-hall-cues'],
    ['?source=cellar', '/api/v1/', 'tutti-cues'],
  ]) {
    const page = await open(browser, several.url + query);
    const links = page.locator('#cues a');
    await links.first().waitFor({ state: 'visible' });
    assert.deepEqual(
      await links.evaluateAll((all) => all.map(({ href, download }) => [href, download])),
      [['csv', 'csv'], ['audacity', 'txt'], ['cue', 'cue'], ['json', 'json']].map(
        ([format, suffix]) => [
          new URL(`${api}cues?format=${format}`, several.url).href, `${name}.${suffix}`],
      ),
    );
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CUE sheet' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), `${name}.cue`);
    assert.equal(await download.failure(), null);
    await page.done();
  }
});

/* Half a minute passes in a moment. */
const hurry = () => {
  const { setInterval: every } = window;
  window.setInterval = (what, ms) => every(what, ms / 20);
};

test('the list of sources follows the daemon, and is left alone while it stays', async (t) => {
  const several = await startMock({ sources: ['stage', 'hall'] });
  t.after(() => several.close());
  const page = await open(browser, `${several.url}?source=hall`, { breaks: true, init: hurry });
  await page.waitForFunction(() => document.getElementById('sources').value === 'hall');
  await page.evaluate(() => {
    window.same = true; // until the page is loaded anew
    window.changes = 0;
    new MutationObserver(() => window.changes++)
      .observe(document.getElementById('sources'), { childList: true });
  });
  const asked = () =>
    several.requests.filter(({ pathname }) => pathname === '/api/v1/sources').length;
  const options = (names) => page.waitForFunction(
    (wanted) => [...document.querySelectorAll('#sources option')].map((o) => o.value).join()
      === wanted,
    names.join(),
  );
  for (const before = asked(); asked() < before + 3; ) await page.waitForTimeout(20);
  several.drop(); // the page connects again
  for (const before = asked(); asked() < before + 3; ) await page.waitForTimeout(20);
  assert.equal(await page.evaluate(() => window.changes), 0, 'left alone');

  several.sources = ['stage', 'foyer', 'hall'];
  await options(several.sources);
  assert.equal(await page.locator('#sources').inputValue(), 'hall');
  assert.equal(await page.evaluate(() => window.same), true, 'the page stays');

  several.sources = ['stage', 'foyer']; // the one that is shown is gone, and comes back
  await shows(page, 'notice', 'There is no source “hall” here. This is “stage”.');
  several.sources = ['stage', 'hall'];
  await page.waitForFunction(() => document.getElementById('sources').value === 'hall');
  assert.equal(await page.locator('#notice').isVisible(), false);
  await page.done();
});

/* What the page does when the daemon is slow, late, gone, another one, or tells of trouble. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { becomesHot, distance, laneColour, open, plays, shows } from './browser.mjs';
import { browser, lane, listen, mock, play } from './fixture.mjs';
import { LABELS } from './mock_server.mjs';

const CELLO = LABELS.indexOf('cello');

test('after a pause the page is live again; what is late is called late', async () => {
  const page = await listen();
  mock.frame({ piano: 0.9 }, ['piano']);
  await shows(page, 'state-text', 'Live');
  // The source pauses: t is behind the page's clock from now on.
  await page.waitForTimeout(4000);
  await shows(page, 'rest', 'No results');
  assert.match(await page.innerText('#detail'), /^No results for \d+(\.\d)? s\.$/);
  mock.pause(4);
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  assert.equal(await page.innerText('#state-text'), 'Live');
  assert.equal(await page.innerText('#detail'), '');
  // The daemon falls behind: what comes now was heard long ago, and what came after it waits.
  await page.waitForTimeout(4000);
  mock.frame({ piano: 0.9 }, ['piano']);
  await shows(page, 'state-text', 'Late');
  assert.match(await page.innerText('#detail'), /^Results arrive \d+(\.\d)? s late\.$/);
  play(4, { piano: 0.9 }, ['piano']); // it catches up, in one burst
  await shows(page, 'state-text', 'Live');
  await page.done();
});

test('after a break the page catches up and doubles nothing', async () => {
  const page = await listen({
    breaks: true,
    init: () => {
      // Counts what arrives, as any client would.
      window.ids = [];
      const Native = EventSource;
      window.EventSource = class extends Native {
        constructor(...all) {
          super(...all);
          this.addEventListener('frame', (event) => window.ids.push(+event.lastEventId));
        }
      };
    },
  });
  play(10, { piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  mock.drop();
  await shows(page, 'state-text', 'Reconnecting');
  await plays(page, []); // nothing is claimed without a connection
  assert.equal(await page.evaluate(() => document.body.classList.contains('stale')), true);
  play(5, { piano: 0.9, cello: 0.9 }, ['cello', 'piano']); // nobody hears it
  await shows(page, 'state-text', 'Live');
  await plays(page, ['Piano', 'Cello']);
  mock.frame({ piano: 0.9, cello: 0.9 }, ['cello', 'piano']);
  await page.waitForFunction((count) => window.ids.length === count, mock.frames.length);
  const ids = await page.evaluate(() => window.ids);
  assert.equal(new Set(ids).size, mock.frames.length);
  assert.ok(
    mock.requests.some(({ pathname, last }) => pathname === '/api/v1/stream' && Number(last) > 0),
    'asks for a replay',
  );
  // The sound of the break is in the picture, in its place.
  const at = (s) => 1 - s / 120;
  await becomesHot(page, CELLO, LABELS.length, at(0.5), at(0.1));
  const quiet = await lane(page, 0, at(14), at(1));
  assert.ok(distance(await lane(page, CELLO, at(4.5), at(1)), quiet) > 150);
  assert.ok(distance(await lane(page, CELLO, at(14), at(6)), quiet) < 30);
  await page.done();
});

test('a daemon that refuses is quoted, in plain words, and found again', async () => {
  mock.refuse = 'too many clients';
  const page = await open(browser, mock.url, { breaks: true });
  await shows(page, 'rest', 'No room');
  await shows(
    page,
    'detail',
    'As many pages are open as the daemon allows. This page goes on by itself.',
  );
  await shows(page, 'state-text', 'Full');
  assert.match(await page.title(), /^No room/);
  // Nothing is known yet, and nothing is drawn of it.
  for (const id of ['score', 'cues', 'level'])
    assert.equal(await page.locator(`#${id}`).isVisible(), false, id);
  mock.refuse = 'the moon is\u202E full <b>';
  await shows(
    page,
    'detail',
    'The daemon says: “the moon is full <b>”. This page goes on by itself.',
  );
  assert.equal(mock.clients.size, 0);
  mock.refuse = '';
  await shows(page, 'detail', 'The first result comes after 3 s of sound.');
  for (const id of ['score', 'cues', 'level'])
    assert.equal(await page.locator(`#${id}`).isVisible(), true, id);
  mock.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);
  await shows(page, 'state-text', 'Live');
  assert.equal(mock.clients.size, 1, 'asking why leaves no stream behind');
  await page.done();
});

test('a daemon that is gone is named, and found again', async () => {
  const page = await listen({ breaks: true });
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  mock.dead = true;
  mock.drop();
  await shows(page, 'rest', 'Reconnecting');
  await shows(page, 'rest', 'No connection');
  assert.match(await page.title(), /^No connection/);
  await shows(page, 'state-text', 'Not connected');
  mock.dead = false;
  mock.restart(); // ids and times begin anew
  await shows(page, 'detail', 'The first result comes after 3 s of sound.');
  mock.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);
  await shows(page, 'state-text', 'Live');
  await page.done();
});

test('a connection that died without a word is noticed; a source that stalls is none', async () => {
  const page = await open(browser, mock.url, {
    breaks: true,
    init: () => {
      // Half a minute of waiting in a moment.
      const now = performance.now.bind(performance);
      const { setInterval: every } = window;
      performance.now = () => 10 * now();
      window.setInterval = (what, ms) => every(what, ms / 10);
    },
  });
  await page.waitForSelector('#parts li');
  mock.frame({ piano: 0.9 }, ['piano']);
  const asked = (wanted) => mock.requests.filter(({ pathname }) => pathname === wanted).length;
  const reaches = async (wanted, count) => {
    while (asked(wanted) < count) await page.waitForTimeout(50);
  };
  mock.status({ state: 'stalled' });
  await reaches('/api/v1/info', asked('/api/v1/info') + 2);
  assert.equal(asked('/api/v1/stream'), 1, 'nothing is to come: the stream is left alone');

  mock.status_now.state = 'running'; // and this connection does not tell
  await reaches('/api/v1/stream', 2);
  mock.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);

  mock.dead = true;
  await shows(page, 'state-text', 'Reconnecting');
  mock.dead = false;
  await reaches('/api/v1/stream', asked('/api/v1/stream') + 1);
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  await page.done();
});

test('another version of the daemon brings another page', async () => {
  const page = await listen({ breaks: true });
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  await page.evaluate(() => (window.of_before = true));
  mock.drop();
  await shows(page, 'state-text', 'Reconnecting');
  await shows(page, 'state-text', 'Live');
  assert.equal(await page.evaluate(() => window.of_before), true, 'the same: the page stays');
  mock.version = '0.0.1';
  mock.drop();
  await page.waitForFunction(
    () => !window.of_before && document.getElementById('source')?.innerText.includes('0.0.1'),
  );
  mock.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);
  await page.done();
});

test('another model brings other instruments', async () => {
  const page = await listen({ breaks: true });
  play(5, { piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  mock.labels = ['theremin', 'singing_saw'];
  mock.restart();
  mock.drop();
  await page.waitForFunction(() => document.querySelectorAll('#parts li').length === 2);
  play(10, { singing_saw: 0.9 }, ['singing_saw']);
  await plays(page, ['Singing saw']);
  await becomesHot(page, 1, 2, 0.95, 0.999);
  assert.ok((await laneColour(page, 0, 2, 0.8, 0.9))[3] < 1, 'the old picture is gone');
  await page.done();
});

test('trouble is said in plain words', async () => {
  const page = await listen();
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  for (const [state, title, detail] of [
    ['stalled', 'No sound', 'The input “mock” has stalled: it delivers nothing.'],
    ['lost', 'No sound', 'The input “mock” is gone. Was it unplugged?'],
    ['ended', 'Stopped', 'The daemon is stopping.'], // a device has no end
  ]) {
    mock.status({ state });
    await shows(page, 'detail', detail);
    await shows(page, 'rest', title);
    await plays(page, []);
  }
  mock.status({ state: 'running' });
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  await shows(page, 'rest', 'No results'); // the daemon says it is well, but sends no frame
  mock.pause(20); // else the next frame is late, which is said first
  mock.send('gap', { t: mock.t, lost_s: 0.4 });
  mock.frame({ piano: 0.9 }, ['piano']);
  await shows(page, 'detail', '0.4 s of sound was lost.');
  mock.lagged(12);
  await shows(page, 'detail', 'This page fell behind and skipped 12 updates.');
  await page.done();
});

test('a hop that is stretched is told, and its results are no gaps', async () => {
  const page = await listen();
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  mock.status({ hop_stretch: 8 });
  await page.waitForFunction(() =>
    document.getElementById('source').textContent.includes('A result every 2 s: too slow for more'),
  );
  mock.t += 7 * mock.hop_s;
  mock.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);
  mock.requests.length = 0;
  for (let i = 0; i < 4; i++) {
    mock.t += 7 * mock.hop_s;
    mock.frame({ piano: 0.9 }, ['piano']);
  }
  await plays(page, ['Piano']);
  assert.ok(!mock.requests.some(({ pathname }) => pathname === '/api/v1/history'));
  mock.status({ hop_stretch: 1 });
  await page.waitForFunction(
    () => !document.getElementById('source').textContent.includes('too slow'),
  );
  await page.done();
});

/* The page, against a daemon that plays what each test needs, and fails as it needs. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import {
  becomesHot,
  distance,
  laneColour,
  launch,
  open,
  picture,
  plays,
  shows,
} from './browser.mjs';
import { LABELS, sceneFrame, startMock } from './mock_server.mjs';

const PIANO = LABELS.indexOf('piano');
const CELLO = LABELS.indexOf('cello');

let browser, mock;

before(async () => {
  browser = await launch();
});
beforeEach(async () => {
  mock = await startMock();
});
afterEach(() => mock.close());
after(() => browser.close());

const play = (seconds, p, on, extra) => {
  for (let t = 0; t < seconds; t += mock.hop_s) mock.frame(p, on, extra);
};
/* Opens the page and waits until it listens. */
async function listen(options, server = mock) {
  const page = await open(browser, server.url, options);
  await page.waitForSelector('#parts li');
  await page.waitForFunction(
    () => document.getElementById('state-text').innerText !== 'Connecting',
  );
  return page;
}
const lane = (page, index, from, to) => laneColour(page, index, LABELS.length, from, to);

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

test('the headline keeps the order of entry, and the title follows', async () => {
  const page = await listen();
  mock.frame({ voice: 0.9 }, ['voice']);
  await plays(page, ['Voice']);
  mock.frame({ voice: 0.6, acoustic_guitar: 0.95 }, ['acoustic_guitar', 'voice']);
  await plays(page, ['Voice', 'Acoustic guitar']);
  mock.frame({ voice: 0.6, acoustic_guitar: 0.9, bass: 0.99 }, [
    'acoustic_guitar',
    'bass',
    'voice',
  ]);
  await plays(page, ['Voice', 'Acoustic guitar', 'Bass']);
  assert.equal(await page.title(), 'Voice, acoustic guitar & bass · Tutti');
  mock.frame({ bass: 0.9, acoustic_guitar: 0.9 }, ['acoustic_guitar', 'bass']);
  await plays(page, ['Acoustic guitar', 'Bass']);
  mock.frame();
  await plays(page, []);
  await shows(page, 'rest', 'Listening');
  assert.equal(await page.title(), 'Listening · Tutti');
  await page.waitForFunction(() => document.querySelectorAll('.ghost').length === 0);
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

test('after a pause the page is live again; what is late is called late', async () => {
  const page = await listen();
  mock.frame({ piano: 0.9 }, ['piano']);
  await shows(page, 'state-text', 'Live');
  // The source pauses: t is behind the page's clock from now on.
  await page.waitForTimeout(4000);
  await shows(page, 'rest', 'No results');
  assert.match(await page.innerText('#detail'), /^No results for \d(\.\d)? s\.$/);
  mock.pause(4);
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  assert.equal(await page.innerText('#state-text'), 'Live');
  assert.equal(await page.innerText('#detail'), '');
  // The daemon falls behind: what comes now was heard long ago, and what came after it waits.
  await page.waitForTimeout(4000);
  mock.frame({ piano: 0.9 }, ['piano']);
  await shows(page, 'state-text', 'Late');
  assert.match(await page.innerText('#detail'), /^Results arrive \d(\.\d)? s late\.$/);
  play(4, { piano: 0.9 }, ['piano']); // it catches up, in one burst
  await shows(page, 'state-text', 'Live');
  await page.done();
});

test('what fades out does not make small what comes', async () => {
  const page = await listen({ viewport: { width: 1366, height: 768 } });
  const many = ['piano', 'saxophone', 'acoustic_guitar', 'mallet_percussion', 'voice'];
  mock.frame(Object.fromEntries(many.map((label) => [label, 0.9])), many);
  await page.waitForFunction(() => document.querySelectorAll('#playing li').length === 5);
  await page.waitForFunction(() => document.querySelectorAll('.ghost').length === 0);
  const size = () => page.evaluate(() =>
    parseFloat(getComputedStyle(document.querySelector('#playing li')).fontSize));
  const smallest = await size();
  await page.waitForTimeout(800); // longer than a change is held
  await page.evaluate(() => {
    // The fading stands still as soon as it has begun.
    new MutationObserver(() => {
      if (document.querySelector('.ghost')) {
        document.getAnimations().forEach((animation) => animation.pause());
      }
    }).observe(document.getElementById('headline'), { childList: true });
  });
  mock.frame({ flute: 0.9 }, ['flute']);
  await page.waitForFunction(() => document.querySelectorAll('.ghost').length === 1);
  await page.setViewportSize({ width: 1000, height: 768 });
  await page.waitForFunction(() => document.getElementById('headline').clientWidth < 1000);
  await page.evaluate(() => new Promise((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(resolve));
  }));
  assert.equal(await page.locator('.ghost').count(), 1);
  assert.ok(await size() > 1.2 * smallest, `${await size()} px for one name, ${smallest} for five`);
  await page.done();
});

test('words of the headline never stand on each other while they change', async () => {
  const page = await listen({ viewport: { width: 1920, height: 1080 } });
  await page.evaluate(() => {
    window.worst = 0;
    window.ghosts = 0;
    const seen = (selector) =>
      [...document.querySelectorAll(selector)]
        .map((word) => {
          const styles = [word, word.parentElement].map((element) => getComputedStyle(element));
          const opacity = styles.reduce((product, style) => product * style.opacity, 1);
          return { box: word.getBoundingClientRect(), opacity, shown: styles[0].visibility };
        })
        .filter(({ opacity, shown }) => opacity > 0.02 && shown === 'visible');
    const look = () => {
      const old = seen('.ghost li');
      window.ghosts += old.length;
      for (const { box: a } of old)
        for (const { box: b } of seen('#playing li')) {
          const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (height > 1) window.worst = Math.max(window.worst, width);
        }
      requestAnimationFrame(look);
    };
    look();
  });
  const scenes = [
    ['drums'],
    ['drums', 'bass', 'piano'],
    ['bass', 'piano'],
    ['bass', 'piano', 'saxophone', 'acoustic_guitar', 'voice'],
    ['bass', 'acoustic_guitar'],
    ['flute'],
  ];
  for (const on of scenes) {
    mock.frame(Object.fromEntries(on.map((label) => [label, 0.9])), on);
    await page.waitForFunction(
      (count) => document.querySelectorAll('#playing li').length === count,
      on.length,
    );
    await page.waitForFunction(() => document.querySelectorAll('.ghost').length === 0);
  }
  const [worst, ghosts] = await page.evaluate(() => [window.worst, window.ghosts]);
  assert.ok(ghosts > 0, 'words were seen leaving');
  assert.ok(worst <= 1, `words overlap by ${worst} px`);
  await page.done();
});

test('where animations do not come on, old words still never stand on each other', async () => {
  const page = await listen({
    init: () => {
      const { animate } = Element.prototype;
      Element.prototype.animate = function (...how) {
        const animation = animate.apply(this, how);
        animation.pause();
        return animation;
      };
    },
  });
  const ghosts = () => page.$$eval('.ghost', (all) => all.map((ghost) => ghost.innerText.trim()));
  const scenes = ['drums', 'flute', 'cello', 'organ'];
  for (const label of scenes) {
    mock.frame({ [label]: 0.9 }, [label]);
    await plays(page, [label[0].toUpperCase() + label.slice(1)]);
    assert.equal((await ghosts()).length, 1);
    await page.waitForTimeout(800); // longer than a change is held
  }
  assert.deepEqual(await ghosts(), ['Cello']);
  // What changes while nobody watches leaves nothing to fade when somebody does.
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  assert.deepEqual(await ghosts(), []);
  await page.done();
});

test('changes that follow each other closely are one, the first at once', async () => {
  const page = await listen();
  await page.evaluate(() => {
    window.headlines = [];
    new MutationObserver(() => {
      const names = [...document.querySelectorAll('#playing li')].map((item) => item.textContent);
      window.headlines.push(names.join(' '));
    }).observe(document.getElementById('playing'), { childList: true });
  });
  const all = ['piano', 'cello', 'voice', 'flute'];
  mock.frame({}, ['piano']);
  await plays(page, ['Piano']);
  for (let i = 2; i <= all.length; i++) {
    mock.frame({}, all.slice(0, i));
    await page.waitForTimeout(30);
  }
  await page.waitForFunction(() => document.querySelectorAll('#playing li').length === 4);
  const seen = await page.evaluate(() => window.headlines);
  assert.equal(seen[0], 'Piano');
  assert.ok(seen.length < 4, `one by one: ${seen}`);
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

test('a daemon that refuses or is gone is named, and found again', async () => {
  const page = await listen({ breaks: true });
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  mock.refuse = 503;
  mock.drop();
  await shows(page, 'rest', 'Reconnecting');
  await shows(page, 'rest', 'No connection');
  assert.match(await page.title(), /^No connection/);
  await shows(page, 'state-text', 'Not connected');
  mock.refuse = 0;
  mock.restart(); // ids and times begin anew
  await shows(page, 'detail', 'The first result comes after 3 s of sound.');
  mock.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);
  await shows(page, 'state-text', 'Live');
  await page.done();
});

test('a connection that died without a word is noticed; mere silence is none', async () => {
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
  const probes = asked('/api/v1/info');
  while (asked('/api/v1/info') < probes + 2) await page.waitForTimeout(50);
  assert.equal(asked('/api/v1/stream'), 1, 'the daemon answers: the stream is left alone');
  await shows(page, 'rest', 'No results');

  mock.dead = true;
  await shows(page, 'state-text', 'Reconnecting');
  mock.dead = false;
  while (asked('/api/v1/stream') < 2) await page.waitForTimeout(50);
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
    ['ended', 'The end', 'The input “mock” has been heard to its end.'],
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
  await shows(page, 'detail', 'Missed: 12 events.');
  await page.done();
});

test('the meter shows level, peak and clipping', async () => {
  const page = await listen();
  mock.frame({}, [], { level_dbfs: -30, peak_dbfs: -15, clipped: true });
  await shows(page, 'level-text', '−30 dBFS');
  const at = (id) => page.$eval(`#${id}`, (element) => +element.style.getPropertyValue('--at'));
  assert.ok(Math.abs((await at('level-bar')) - 0.5) < 0.01);
  assert.ok(Math.abs((await at('level-peak')) - 0.75) < 0.01);
  assert.equal(await page.$eval('#clip', (clip) => clip.classList.contains('lit')), true);
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

test('screen readers hear one sentence, not every frame', async () => {
  const page = await listen();
  await page.evaluate(() => {
    window.spoken = [];
    new MutationObserver(() =>
      window.spoken.push(document.getElementById('announcer').textContent),
    ).observe(document.getElementById('announcer'), {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  const told = () =>
    page.evaluate(() => window.spoken.filter((text) => text.startsWith('Now playing')));
  for (let after = 0; after < 20;) {
    mock.frame({ piano: 0.9, cello: 0.7 }, ['cello', 'piano']);
    await page.waitForTimeout(100);
    if ((await told()).length > 0) after++;
  }
  assert.deepEqual(await told(), ['Now playing: cello and piano.']);
  await page.done();
});

test('light and dark follow the system until someone chooses', async () => {
  const page = await listen({ colorScheme: 'dark' });
  const becomes = (theme) => page.waitForSelector(`html[data-theme='${theme}']`);
  const kept = () => page.evaluate(() => localStorage.getItem('tutti-theme'));
  await becomes('dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await becomes('light');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'theme');
  await page.keyboard.press('Enter');
  await becomes('dark');
  assert.equal(await kept(), 'dark');
  await page.reload();
  await becomes('dark');
  await page.getByRole('button', { name: 'Switch to light' }).click();
  await becomes('light');
  assert.equal(await kept(), null, 'what the system wants need not be kept');
  await page.done();
});

test('all text has the contrast of WCAG 2 AA in both themes', async () => {
  const page = await listen();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const colours = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      return Object.fromEntries(
        ['page', 'ink', 'muted', 'accent', 'bad', 'on-bad', 'quiet-bar'].map((name) => [
          name,
          style.getPropertyValue(`--${name}`).trim(),
        ]),
      );
    });
    for (const name of ['ink', 'muted', 'accent', 'bad'])
      assert.ok(contrast(colours[name], colours.page) >= 4.5, `${colorScheme}: ${name}`);
    assert.ok(contrast(colours['on-bad'], colours.bad) >= 4.5, `${colorScheme}: on-bad`);
    assert.ok(contrast(colours['quiet-bar'], colours.page) >= 3, `${colorScheme}: bars`);
  }
  await page.done();
});

test('who wants no movement gets none', async () => {
  const page = await listen({ reducedMotion: 'reduce' });
  mock.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  mock.frame({ cello: 0.9 }, ['cello']);
  await plays(page, ['Cello']);
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  assert.equal(await page.locator('.ghost').count(), 0);
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
  await page.waitForSelector('#parts li');
  await page.waitForFunction(() => document.getElementById('sources').value === 'Hall_2-b');
  several.frame({ piano: 0.9 }, ['piano']);
  await plays(page, ['Piano']);
  for (const what of ['stream', 'info', 'history', 'cues'])
    assert.ok(asked(`/api/v1/sources/Hall_2-b/${what}`), what);
  assert.ok(!asked('/api/v1/stream'));
  await page.goBack();
  await page.waitForFunction(() => document.getElementById('sources').value === 'stage');
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

for (const [name, width, height, deviceScaleFactor] of [
  ['small phone', 320, 640, 2],
  ['phone', 390, 844, 3],
  ['laptop', 1366, 768, 1],
  ['wall', 1920, 1080, 1],
])
  for (const colorScheme of ['light', 'dark'])
    test(`everything has its place: ${name}, ${colorScheme}`, async () => {
      for (let i = 0; i < 560; i++) {
        const { p, on, extra } = sceneFrame('ensemble', LABELS, mock.t);
        mock.frame(p, on, extra);
      }
      const page = await listen({ viewport: { width, height }, deviceScaleFactor, colorScheme });
      const { p, on, extra } = sceneFrame('ensemble', LABELS, mock.t);
      mock.frame(p, on, extra);
      await page.waitForFunction(
        (count) => document.querySelectorAll('#playing li').length === count,
        on.length,
      );
      await page.waitForFunction(() =>
        document.getAnimations().every((animation) => animation.playState === 'finished'),
      );
      const layout = await page.evaluate(() => {
        const box = (id) => document.getElementById(id).getBoundingClientRect();
        const [rows, map] = [box('parts'), box('heatmap')];
        const [canvas, head] = ['heatmap', 'headline'].map((id) => document.getElementById(id));
        return {
          sideways: document.documentElement.scrollWidth - innerWidth,
          down: document.documentElement.scrollHeight - innerHeight,
          lanes: Math.max(Math.abs(rows.top - map.top), Math.abs(rows.bottom - map.bottom)),
          sharp: canvas.width - Math.round(canvas.clientWidth * devicePixelRatio),
          overflow: head.scrollHeight - head.clientHeight,
          cut: [...document.querySelectorAll('.name')].filter(
            (label) => label.scrollWidth > label.clientWidth,
          ).length,
          type: parseFloat(getComputedStyle(head.querySelector('li')).fontSize),
        };
      });
      await picture(page, `${name.replace(' ', '-')}-${colorScheme}`);
      assert.ok(layout.sideways <= 0, 'scrolls sideways');
      if (name !== 'small phone') assert.ok(layout.down <= 0, 'scrolls down');
      assert.ok(layout.lanes < 1, 'lanes beside their names');
      assert.equal(layout.sharp, 0, 'device pixels');
      assert.ok(layout.overflow <= 1, 'the headline fits');
      assert.equal(layout.cut, 0, 'names are whole');
      assert.ok(layout.type >= 30, `large type: ${layout.type}px`);
      await page.done();
    });

/* WCAG 2.2, "contrast ratio", of two colours as #rrggbb. */
function contrast(one, other) {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[0-9a-f]{2}/gi).map((hex) => {
      const x = parseInt(hex, 16) / 255;
      return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

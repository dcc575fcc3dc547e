/* The headline: what it says, how it fits, and how it changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plays, shows } from './browser.mjs';
import { keepPlaying, listen, mock } from './fixture.mjs';
import { startMock } from './mock_server.mjs';

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

/* Of each name in the headline, how its words stand in lines: "Mallet|percussion". */
const lines = (page) =>
  page.$$eval('#playing li', (items) =>
    items.map((item) => {
      const node = item.firstChild;
      const range = document.createRange();
      let said = '';
      let before = null;
      for (let i = 0; i < node.length; i++) {
        range.setStart(node, i);
        range.setEnd(node, i + 1);
        const { top, height } = range.getBoundingClientRect();
        if (before !== null && top > before + height / 2) said += '|';
        before = top;
        said += node.data[i];
      }
      return said;
    }),
  );

for (const width of [320, 360, 390, 412])
  test(`no word of the headline is broken on a phone ${width} px wide`, async (t) => {
    let on = [];
    const timer = setInterval(() => mock.frame({}, on), 1000 * mock.hop_s);
    t.after(() => clearInterval(timer));
    const page = await listen({ viewport: { width, height: 740 } });
    for (on of [
      ['saxophone', 'synthesizer'],
      ['mallet_percussion'],
      ['accordion', 'electric_guitar', 'saxophone', 'trombone'],
    ]) {
      await page.waitForFunction(
        ([last, count]) => {
          const names = [...document.querySelectorAll('#playing li')];
          const found = names.some((name) => name.textContent.toLowerCase() === last);
          return found && names.length === count;
        },
        [on.at(-1).replace('_', ' '), on.length],
      );
      for (const name of await lines(page)) assert.doesNotMatch(name, /[^ ]\|/);
      // The sign between the last two stands with the last one, whose line is as wide as both.
      const beside = await page.$eval('#playing li:last-child', (item) => {
        const range = document.createRange();
        range.setStart(item.firstChild, 0);
        range.setEnd(item.firstChild, 1);
        return range.getBoundingClientRect().left - item.getBoundingClientRect().left;
      });
      assert.ok(on.length === 1 ? beside < 5 : beside > 10, `${on}: ${beside} px for the sign`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    }
    await page.done();
  });

test('a word that is too long for any readable size is broken, and stays readable', async (t) => {
  const long = await startMock({ labels: ['m'.repeat(40)] });
  t.after(() => long.close());
  const page = await listen({ viewport: { width: 320, height: 640 } }, long);
  keepPlaying(t, {}, long.labels, long);
  await plays(page, [`M${'m'.repeat(39)}`]);
  assert.match((await lines(page))[0], /m\|m/);
  const size = await page.$eval('#playing li', (item) =>
    parseFloat(getComputedStyle(item).fontSize));
  assert.ok(size > 15, `${size} px`);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await page.done();
});

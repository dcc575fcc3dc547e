/* Light and dark, sizes of screens, and what people need who see, move or hear it differently. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, picture, plays } from './browser.mjs';
import { browser, keepPlaying, listen, mock } from './fixture.mjs';
import { LABELS, sceneFrame, startMock } from './mock_server.mjs';

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
  for (const id of ['wall', 'theme']) {
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), id);
  }
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
    // The tick of a bar is muted, with a rim as the page: seen on bars of any colour.
    for (const name of ['accent', 'quiet-bar', 'muted'])
      assert.ok(contrast(colours[name], colours.page) >= 3, `${colorScheme}: ${name}`);
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

test('what is drawn has the contrast of WCAG 2 for things that are no text', async (t) => {
  const several = await startMock({ sources: ['stage', 'hall'] });
  t.after(() => several.close());
  const page = await listen({ colorScheme: 'light' }, several);
  keepPlaying(t, { piano: 0.9 }, ['piano'], several);
  await page.waitForSelector('.on .threshold');
  const hex = (rgb) => rgb.match(/\d+/g).slice(0, 3)
    .map((value) => Number(value).toString(16).padStart(2, '0')).join('');
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme });
    await page.waitForSelector(`html[data-theme='${theme}']`);
    const [back, border, tick, rim] = await page.evaluate(() => {
      const of = (selector) => getComputedStyle(document.querySelector(selector));
      const mark = of('.on .threshold');
      return [of('body').backgroundColor, of('#sources').borderTopColor, mark.backgroundColor,
        mark.boxShadow];
    });
    assert.ok(contrast(hex(border), hex(back)) >= 3, `${theme}: the list's border`);
    assert.ok(contrast(hex(tick), hex(rim)) >= 3, `${theme}: the tick and its rim`);
    assert.equal(hex(rim), hex(back));
  }
  await page.done();
});

test('with colours of their own people still see state, ticks and the track of the level',
  async () => {
    const page = await listen({ forcedColors: 'active' });
    const [text, tick, track, ...dots] = await page.evaluate(() => {
      const of = (selector) => getComputedStyle(document.querySelector(selector));
      const state = document.getElementById('state');
      const dot = (kind, side) => {
        state.dataset.kind = kind;
        return of('.dot')[side];
      };
      return [of('body').color, of('.threshold').backgroundColor, of('.gauge').borderTopWidth,
        dot('good', 'backgroundColor'), dot('bad', 'backgroundColor'),
        dot('quiet', 'backgroundColor'),
        dot('wait', 'borderTopColor')];
    });
    assert.equal(tick, text);
    assert.notEqual(track, '0px');
    assert.deepEqual(dots, [text, text, text, text]);
    await page.done();
  });

test('links are high enough for a finger', async () => {
  const page = await listen({ viewport: { width: 390, height: 844 } });
  const heights = await page.$$eval('#cues a', (all) =>
    all.map((link) => link.getBoundingClientRect().height));
  assert.ok(heights.length === 4 && heights.every((height) => height >= 24), `${heights}`);
  await page.done();
});

test('an address can say which colours', async () => {
  for (const [asked, becomes] of [['dark', 'dark'], ['light', 'light'], ['pink', 'light']]) {
    const page = await open(browser, `${mock.url}?theme=${asked}`, { colorScheme: 'light' });
    await page.waitForSelector(`html[data-theme='${becomes}']`);
    // Who chooses has the last word.
    await page.locator('#theme').click();
    await page.waitForSelector(`html[data-theme='${becomes === 'dark' ? 'light' : 'dark'}']`);
    await page.done();
  }
});

for (const [query, score] of [['?view=wall', false], ['?view=wall&score=1', true]])
  test(`on a wall there is nothing to click: ${query}`, async (t) => {
    const page = await open(browser, `${mock.url}${query}&theme=dark`, {
      viewport: { width: 3840, height: 2160 },
      init: () => {
        window.locks = 0;
        const request = async () => window.locks++;
        Object.defineProperty(navigator, 'wakeLock', { value: { request } });
      },
    });
    await page.waitForFunction(() => document.querySelectorAll('#parts li').length > 0);
    keepPlaying(t, { piano: 0.9, cello: 0.9 }, ['cello', 'piano']);
    await page.waitForFunction(() => document.querySelectorAll('#playing li').length === 2);
    assert.equal(await page.locator('#score').isVisible(), score);
    for (const id of ['theme', 'wall', 'cues', 'source', 'level', 'entries', 'state'])
      assert.equal(await page.locator(`#${id}`).isVisible(), false, id);
    const [type, sideways, down] = await page.evaluate(() => [
      parseFloat(getComputedStyle(document.querySelector('#playing li')).fontSize),
      document.documentElement.scrollWidth - innerWidth,
      document.documentElement.scrollHeight - innerHeight,
    ]);
    assert.ok(type > 300, `${type} px`);
    assert.ok(sideways <= 0 && down <= 0, 'it scrolls');
    assert.equal(await page.evaluate(() => window.locks), 1);
    await page.waitForSelector('html[data-idle]');
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).cursor), 'none');
    await page.mouse.move(100, 100);
    await page.waitForSelector('html:not([data-idle])');
    await page.done();
  });

test('on a wall only trouble is explained', async () => {
  const page = await open(browser, `${mock.url}?view=wall`);
  await page.waitForFunction(() => document.getElementById('detail').textContent !== '');
  assert.equal(await page.locator('#detail').isVisible(), false, 'the first result is to come');
  mock.status({ state: 'lost' });
  await page.locator('#detail').waitFor({ state: 'visible' });
  assert.match(await page.innerText('#detail'), /unplugged/);
  await page.done();
});

test('the way to the wall keeps what the address says', async () => {
  const page = await open(browser, `${mock.url}?theme=dark&source=main`);
  await page.waitForSelector('#parts li');
  await page.getByRole('link', { name: 'Large type' }).click();
  await page.waitForSelector("html[data-view='wall'][data-theme='dark']");
  assert.match(page.url(), /\?theme=dark&source=main&view=wall$/);
  await page.done();
});

test('on a phone on its side all of the score is seen at once', async (t) => {
  const page = await listen({ viewport: { width: 844, height: 390 } });
  keepPlaying(t, { piano: 0.9, cello: 0.9 }, ['cello', 'piano']);
  await page.waitForFunction(() => document.querySelectorAll('#playing li').length === 2);
  const [bottom, beside, fits] = await page.evaluate(() => {
    const box = (id) => document.getElementById(id).getBoundingClientRect();
    const head = document.getElementById('headline');
    return [box('parts').bottom, box('score').left - box('headline').right,
      head.scrollHeight <= head.clientHeight + 1 && head.scrollWidth <= head.clientWidth + 1];
  });
  assert.ok(bottom <= 390, `down to ${bottom}`);
  assert.ok(beside > 0 && fits, 'the headline is beside it');
  await page.done();
});

test('labels of the axes never run together', async () => {
  const page = await listen({ viewport: { width: 320, height: 640 } });
  const overlaps = () => page.evaluate(() => {
    const spans = [...document.querySelectorAll('.axis span')];
    const boxes = spans.map((span) => span.getBoundingClientRect()).filter(({ width }) => width > 0)
      .sort((a, b) => a.left - b.left);
    return boxes.filter((box, i) => i > 0 && box.left < boxes[i - 1].right + 3).length;
  });
  for (const width of [320, 360, 390, 600, 844, 1366]) {
    await page.setViewportSize({ width, height: 640 });
    assert.equal(await overlaps(), 0, `${width} px`);
  }
  await page.done();
});

test('names are whole on a phone, however high the rows', async (t) => {
  const few = await startMock({ labels: ['acoustic_guitar', 'mallet_percussion', 'bass'] });
  t.after(() => few.close());
  const page = await listen({ viewport: { width: 390, height: 844 } }, few);
  keepPlaying(t, {}, few.labels, few);
  await page.waitForSelector('#parts .on');
  const cut = await page.$$eval('.name', (all) =>
    all.filter((name) => name.scrollWidth > name.clientWidth).length);
  assert.equal(cut, 0);
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

/* Light and dark, sizes of screens, and what people need who see, move or hear it differently. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture, plays } from './browser.mjs';
import { listen, mock } from './fixture.mjs';
import { LABELS, sceneFrame } from './mock_server.mjs';

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

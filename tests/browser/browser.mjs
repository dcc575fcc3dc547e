/* browser.mjs - Chromium for the tests: opens the page and notes what must not happen. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/* Screenshots go here: $ARTEFACTS, or a new directory for temporary files. */
const artefacts = process.env.ARTEFACTS || mkdtempSync(join(tmpdir(), 'tutti-page-'));
mkdirSync(artefacts, { recursive: true });

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });

/* What Chromium itself reports when a connection breaks: expected where a test breaks it. */
const NETWORK = /^Failed to load resource/;

/* Opens url in a context of its own. options: of a Playwright context; breaks: connections are
 * broken on purpose. The page gets check(): no error, no request elsewhere; and done(): check and
 * close. */
export async function open(browser, url, { breaks = false, init, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, ...options });
  const page = await context.newPage();
  const errors = [];
  const elsewhere = [];
  page.on('console', (message) => {
    const expected = breaks && NETWORK.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !expected) errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('dialog', (dialog) => {
    errors.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(url).host) elsewhere.push(request.url());
  });
  if (init) await page.addInitScript(init);
  await page.goto(url);
  page.check = () => {
    assert.deepEqual(errors, [], 'errors on the console');
    assert.deepEqual(elsewhere, [], 'requests to other hosts');
  };
  page.done = async () => {
    page.check();
    await context.close();
  };
  return page;
}

/* Waits until the page shows this text in the element with this id. */
export const shows = (page, id, text) =>
  page.waitForFunction(
    ([key, wanted]) =>
      document.getElementById(key).innerText.replace(/\s+/g, ' ').trim() === wanted,
    [id, text],
  );

/* Waits until these names are the headline, in this order. */
export const plays = (page, names) =>
  page.waitForFunction(
    (wanted) =>
      JSON.stringify(wanted) ===
      JSON.stringify(
        Array.from(document.querySelectorAll('#playing li'), (item) => item.textContent),
      ),
    names,
  );

export async function picture(page, name) {
  const path = join(artefacts, `${name}.png`);
  await page.screenshot({ path });
  return path;
}

/* The mean colour [r, g, b, alpha] of a part of a lane of the heat map, which holds `lanes` of
 * them; from and to are fractions of the width. */
export const laneColour = (page, lane, lanes, from, to) =>
  page.evaluate(
    ([row, rows, left, right]) => {
      const canvas = document.getElementById('heatmap');
      const { width, height } = canvas;
      const y = Math.round(((row + 0.4) * height) / rows);
      const x = Math.round(left * width);
      const count = Math.max(1, Math.round((right - left) * width));
      const copy = new OffscreenCanvas(count, 1).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, x, y, count, 1, 0, 0, count, 1);
      const { data } = copy.getImageData(0, 0, count, 1);
      const sum = [0, 0, 0, 0];
      data.forEach((value, i) => (sum[i % 4] += value));
      return sum.map((value) => value / count);
    },
    [lane, lanes, from, to],
  );

/* Waits until a part of a lane differs clearly from the same part of lane 0: the picture follows
 * the sound by a hop. */
export async function becomesHot(page, lane, lanes, from, to) {
  for (;;) {
    const [cold, hot] = await Promise.all(
      [0, lane].map((row) => laneColour(page, row, lanes, from, to)),
    );
    if (distance(hot, cold) > 150) return;
    await page.waitForTimeout(20);
  }
}

/* How far apart two colours are, 0 ... 441. */
export const distance = (a, b) => Math.hypot(...[0, 1, 2].map((i) => a[i] - b[i]));

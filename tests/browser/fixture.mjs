/* fixture.mjs - for a file of tests of the page: one browser, and a mock of its own for each. */
import { after, afterEach, before, beforeEach } from 'node:test';
import { laneColour, launch, open } from './browser.mjs';
import { LABELS, startMock } from './mock_server.mjs';

export let browser, mock;

before(async () => {
  browser = await launch();
});
beforeEach(async () => {
  mock = await startMock();
});
afterEach(() => mock.close());
after(() => browser.close());

export const play = (seconds, p, on, extra) => {
  for (let t = 0; t < seconds; t += mock.hop_s) mock.frame(p, on, extra);
};

/* Plays on until the test is over: for what has to be looked at while it plays. */
export function keepPlaying(t, p, on, server = mock) {
  server.frame(p, on);
  const timer = setInterval(() => server.frame(p, on), 1000 * server.hop_s);
  t.after(() => clearInterval(timer));
}

/* Opens the page and waits until it listens. */
export async function listen(options, server = mock) {
  const page = await open(browser, server.url, options);
  await page.waitForSelector('#parts li');
  await page.waitForFunction(
    () => document.getElementById('state-text').innerText !== 'Connecting',
  );
  return page;
}

export const lane = (page, index, from, to) => laneColour(page, index, LABELS.length, from, to);

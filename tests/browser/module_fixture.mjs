/* module_fixture.mjs - for a file of tests of the page's modules: one page, in which they run. */
import { after, before } from 'node:test';
import { launch, open } from './browser.mjs';
import { startMock } from './mock_server.mjs';

let browser, mock, page;

before(async () => {
  [browser, mock] = await Promise.all([launch(), startMock()]);
  page = await open(browser, mock.url);
});

after(async () => {
  await page.done();
  await Promise.all([browser.close(), mock.close()]);
});

/* Runs a function in the page; it gets a module of the page and one value. */
export const run = (file, use, value) =>
  page.evaluate(`import('./${file}').then((module) => (${use})(module, ${JSON.stringify(value)}))`);

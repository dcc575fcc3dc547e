/* screenshot.mjs - takes the picture for the README: the page while the demo piece plays.
 *   TUTTID=build/daemon/tuttid node tests/browser/screenshot.mjs web/screenshot.png
 */
import { startDaemon } from '../e2e/daemon.mjs';
import { launch, open } from './browser.mjs';

const MOMENT_S = 65.5; // of the piece: drums and mallet percussion
const [path = 'screenshot.png'] = process.argv.slice(2);

const daemon = await startDaemon(['--input', 'demo']);
const browser = await launch();
try {
  const viewport = { width: 1440, height: 810 };
  const page = await open(browser, `${daemon.url}/`, { viewport, colorScheme: 'dark' });
  for (let t = 0; t < MOMENT_S; t = (await (await fetch(`${daemon.url}/api/v1/now`)).json()).t ?? 0)
    await page.waitForTimeout(100);
  // Not in the middle of a movement.
  await page.waitForFunction(() =>
    document
      .getElementById('headline')
      .getAnimations({ subtree: true })
      .every(({ playState }) => playState === 'finished'),
  );
  await page.screenshot({ path });
  await page.done();
} finally {
  await browser.close();
  await daemon.stop();
}

/* view.js - the page as a sign on a wall: ?view=wall in its address leaves the headline alone, with
 * &score=1 the score as well. There the pointer is hidden while nobody moves it, and the screen
 * stays on where the browser can do that.
 *
 * Loaded before the page is painted, and therefore not a module. Sets data-view and data-score on
 * the root element, and data-idle while the pointer rests.
 */
(() => {
  'use strict';
  const IDLE_MS = 3000;
  const root = document.documentElement;
  const query = new URLSearchParams(location.search);
  if (query.get('view') !== 'wall') return;
  root.dataset.view = 'wall';
  if (query.get('score') === '1') root.dataset.score = '';

  let resting = 0;
  const moved = () => {
    delete root.dataset.idle;
    clearTimeout(resting);
    resting = setTimeout(() => (root.dataset.idle = ''), IDLE_MS);
  };
  addEventListener('pointermove', moved);
  moved();

  // The browser takes it back whenever the page is hidden, and may refuse it.
  const stayOn = () => {
    if (!document.hidden) navigator.wakeLock?.request('screen').catch(() => {});
  };
  document.addEventListener('visibilitychange', stayOn);
  stayOn();
})();

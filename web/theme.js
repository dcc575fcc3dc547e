/* theme.js - light or dark: what the system prefers, unless the visitor chose, or the address says
 * ?theme=dark or ?theme=light.
 *
 * Loaded before the page is painted, and therefore not a module. Sets data-theme on the root
 * element and dispatches "themechange" on it. A choice equal to the system's is forgotten, so
 * that the page follows the system again.
 */
(() => {
  'use strict';
  const KEY = 'tutti-theme';
  const root = document.documentElement;
  const known = (theme) => (theme === 'light' || theme === 'dark' ? theme : null);
  let asked = known(new URLSearchParams(location.search).get('theme')); // until somebody chooses
  const system = matchMedia('(prefers-color-scheme: dark)');

  // Storage can be forbidden (private windows, embedded views): then the choice is not kept.
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  const store = (theme) => {
    try {
      if (theme) localStorage.setItem(KEY, theme);
      else localStorage.removeItem(KEY);
    } catch {
      /* not kept */
    }
  };
  const preferred = () => (system.matches ? 'dark' : 'light');
  const apply = () => show(asked ?? known(stored()) ?? preferred());
  const show = (theme) => {
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    root.dispatchEvent(new Event('themechange'));
  };

  system.addEventListener('change', apply);
  addEventListener('storage', (event) => {
    if (event.key === KEY) apply();
  });
  addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const name = () =>
      button.setAttribute(
        'aria-label',
        root.dataset.theme === 'dark' ? 'Switch to light' : 'Switch to dark',
      );
    root.addEventListener('themechange', name);
    button.addEventListener('click', () => {
      const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
      asked = null;
      store(theme === preferred() ? null : theme);
      show(theme);
    });
    name();
  });
  apply();
})();

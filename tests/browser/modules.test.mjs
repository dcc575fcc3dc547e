/* The page's modules one by one, in the browser that runs them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './module_fixture.mjs';

test('format: names are made readable, bounded, and free of control characters', async () => {
  const names = await run('format.js', (f, labels) => labels.map(f.prettyName), [
    '',
    '___',
    'a\u0000b\u202Ec',
    'x'.repeat(5000),
    'acoustic_guitar',
    '  two__words ',
    '𝄞'.repeat(50),
  ]);
  assert.deepEqual(names.slice(0, 3), ['unnamed', 'unnamed', 'abc']);
  assert.equal(names[3].length, 40);
  assert.deepEqual(names.slice(4, 6), ['acoustic guitar', 'two words']);
  assert.equal(Array.from(names[6]).length, 40);
});

test('format: sentences, levels, durations', async () => {
  const text = await run('format.js', (f) => [
    f.joined([]),
    f.joined(['piano']),
    f.joined(['piano', 'cello']),
    f.joined(['piano', 'cello', 'voice'], 'and'),
    f.capitalized('éclat'),
    f.capitalized(''),
    f.levelText(-17.6),
    f.levelText(0.2),
    f.levelText(-120),
    f.levelText(NaN),
    f.durationText(NaN),
    f.durationText(0.42),
    f.durationText(95),
    f.durationText(7300),
    f.counted(1, 'event'),
    f.counted(2000, 'event'),
    f.agoText(12.9),
    f.agoText(4000),
    f.agoText(-1),
    f.agoText(86399),
    f.agoText(86400),
    f.agoText(200000),
    f.clockText(NaN),
    f.plainText('ab\u0007 cde', 4),
  ]);
  assert.deepEqual(text, [
    '',
    'piano',
    'piano & cello',
    'piano, cello and voice',
    'Éclat',
    '',
    '−18 dBFS',
    '0 dBFS',
    '−∞ dBFS',
    '−∞ dBFS',
    '0 s',
    '0.4 s',
    '1 min 35 s',
    '2 h 1 min',
    '1 event',
    '2,000 events',
    '0:12',
    '1:06:40',
    '0:00',
    '23:59:59',
    '1 day',
    '2 days',
    '',
    'ab …',
  ]);
});

test('entries: those of other days have a date', async () => {
  const rows = await run('entries.js', ({ Entries }) => {
    const list = document.createElement('ol');
    const time = new Date(2026, 10, 2, 18, 2, 11).getTime() / 1000;
    new Entries(list).show([
      { name: 'piano', time, ago_s: 86399 },
      { name: 'cello', time, ago_s: 200000 },
    ]);
    return [...list.children].map((item) => item.textContent);
  });
  assert.deepEqual(rows, [
    'piano 18:02:11 (23:59:59 ago)',
    'cello 2 Nov 18:02:11 (2 days ago)',
  ]);
});

test('clock: runs evenly behind uneven frames, never backwards, never ahead', async () => {
  const { shown, late } = await run('clock.js', ({ DisplayClock }) => {
    const clock = new DisplayClock();
    const moments = [clock.now(0)];
    let now_ms = 0;
    for (let i = 1; i < 80; i++) {
      const t = i / 4;
      now_ms = Math.max(now_ms, 5000 + 1000 * t + [0, 90, 20, 200, 0, 1500][i % 6]);
      clock.frame(t, 1.7e9 + t, now_ms, 0.25);
      for (let ms = 0; ms < 250; ms += 50) moments.push([t, clock.now(now_ms + ms)]);
    }
    return { shown: moments, late: clock.lateness_s() };
  });
  assert.equal(shown[0], null);
  shown.slice(1).reduce((before, [t, moment]) => {
    assert.ok(moment >= before && moment <= t, `${moment} after ${before}, frame ${t}`);
    return moment;
  }, -1);
  assert.ok(Math.abs(late - 1) < 1e-5, `late by ${late} s`); // 1.5 s late at 19.25, now 19.75
});

test('clock: a pause is not lateness, and the picture scrolls evenly after it', async () => {
  const { late, behind } = await run('clock.js', ({ DisplayClock }) => {
    const clock = new DisplayClock();
    let now_s = 50;
    let heard_s = 1.7e9;
    const play = (from, to, late_s = 0) => {
      for (let t = from; t < to; t += 0.25) {
        now_s += 0.25;
        heard_s += 0.25;
        clock.frame(t, heard_s, 1000 * (now_s + late_s), 0.25);
      }
      return clock.lateness_s();
    };
    const pause = (seconds) => {
      now_s += seconds;
      heard_s += seconds;
    };
    const found = [play(0, 10)];
    pause(10);
    found.push(play(10, 12));
    const middle_ms = 1000 * (now_s + 0.1);
    const shown = clock.last_s - clock.now(middle_ms);
    found.push(play(12, 20, 4)); // the daemon is overloaded: the sound waits in it
    found.push(play(20, 30));
    heard_s -= 3600; // the daemon's clock is set back
    found.push(play(30, 32));
    heard_s += 7200;
    found.push(play(32, 34), play(34, 36, 5));
    return { late: found, behind: shown };
  });
  [0, 0, 4, 0, 0, 0, 5].forEach((wanted, i) =>
    assert.ok(Math.abs(late[i] - wanted) < 1e-5, `${i}: late by ${late[i]} s, not ${wanted} s`),
  );
  assert.ok(Math.abs(behind - 0.15) < 1e-5, `${behind} s behind the newest frame`);
});

test('clock: without a time of day the time of the sound has to do', async () => {
  const late = await run('clock.js', ({ DisplayClock }) =>
    [undefined, null, 'noon'].map((time) => {
      const clock = new DisplayClock();
      clock.frame(1, time, 5000, 0.25);
      clock.frame(2, time, 8000, 0.25);
      return clock.lateness_s();
    }),
  );
  assert.deepEqual(late, [2, 2, 2]);
});

test('palette: lightness is even from end to end in both themes', async () => {
  const ramps = await run('palette.js', ({ heatRamp }) => ['dark', 'light'].map(heatRamp));
  for (const [i, ramp] of ramps.entries()) {
    const lightness = ramp.map(oklabLightness);
    const slope = (lightness.at(-1) - lightness[0]) / 255;
    assert.ok(Math.abs(lightness.at(-1) - lightness[0]) > 0.6);
    assert.equal(Math.sign(slope), i === 0 ? 1 : -1);
    lightness.forEach((value, k) =>
      assert.ok(Math.abs(value - (lightness[0] + k * slope)) < 0.02, `${i}: ${k}: ${value}`),
    );
  }
});

test('palette: anything that is no probability has a colour', async () => {
  const [none, nan, below, above, full] = await run('palette.js', ({ heatRamp, heatColour }) => {
    const ramp = heatRamp('dark');
    return [0, NaN, -3, 7, 1].map((p) => heatColour(ramp, p));
  });
  assert.equal(nan, none);
  assert.equal(below, none);
  assert.equal(above, full);
  assert.notEqual(none, full);
});

test('sources: only what can be a name is taken from the address', async () => {
  const queries = ['', '?x=1', '?source=', '?source=Hall_2-b', '?source=a%2Fb', '?source=..',
    `?source=${'x'.repeat(33)}`, '?source=<b>', '?source=a&source=b'];
  const said = await run(
    'sources.js',
    ({ wantedSource, apiPath }, all) => all.map((query) => apiPath(wantedSource(query))),
    queries,
  );
  const first = 'api/v1/';
  assert.deepEqual(said, [
    first, first, first, 'api/v1/sources/Hall_2-b/', first, first, first, first,
    'api/v1/sources/a/',
  ]);
});

test('state: the first break in the chain is the one that is named', async () => {
  const said = await run('state.js', ({ describe }) => {
    const well = {
      link: 'live',
      state: 'running',
      source: 'USB',
      frameAge_s: 0.1,
      window_s: 3,
      level_dbfs: -20,
      silent_s: 0,
      late_s: 0,
    };
    return [
      { link: 'unreachable', state: 'stalled', frameAge_s: 60 },
      { link: 'refused', reason: 'too many clients from your address', state: 'lost' },
      { link: 'refused', reason: 'a new law' },
      { link: 'reconnecting', frameAge_s: 60 },
      { link: 'reconnecting', state: 'ended' },
      { link: 'unreachable', state: 'ended', frameAge_s: 60 },
      { link: 'reconnecting', state: 'ended', sourceKind: 'device' },
      { link: 'unreachable', state: 'ended', sourceKind: 'demo' },
      { link: 'unreachable', state: 'ended', sourceKind: 'file' },
      { state: 'ended', sourceKind: 'device' },
      { link: 'refused', reason: 'x', state: 'ended' },
      { state: 'stalled', frameAge_s: 60 },
      { state: 'lost', frameAge_s: 60 },
      { state: 'ended', frameAge_s: 60 },
      { frameAge_s: null, waiting_s: 2 },
      { frameAge_s: null, waiting_s: 9 },
      { frameAge_s: 60 },
      { frameAge_s: 7, hop_s: 4 },
      { frameAge_s: 9, hop_s: 4 },
      { level_dbfs: -120, silent_s: 10 },
      { level_dbfs: -120, silent_s: 1 },
      { level_dbfs: -120, silent_s: 10, late_s: 4.2 },
      { late_s: 4.2 },
      {},
    ]
      .map((change) => describe({ ...well, ...change }))
      .map(({ kind, title, stale }) => `${kind} ${title} ${stale}`);
  });
  assert.deepEqual(said, [
    'bad No connection true',
    'bad No room true',
    'bad Refused true',
    'wait Reconnecting true',
    'good The end true',
    'good The end true',
    'wait Stopped true',
    'wait Stopped true',
    'good The end true',
    'wait Stopped true',
    'bad Refused true',
    'bad No sound true',
    'bad No sound true',
    'good The end true',
    'wait Listening true',
    'bad No results true',
    'bad No results true',
    'good Listening false',
    'bad No results true',
    'quiet Silence false',
    'good Listening false',
    'wait Silence false',
    'wait Listening false',
    'good Listening false',
  ]);
});

test('state: only a device is asked about its microphone', async () => {
  const details = await run('state.js', ({ describe }) =>
    ['device', 'file', 'stdin', undefined].map((sourceKind) => {
      const silent = { link: 'live', state: 'running', frameAge_s: 0.1, window_s: 3, late_s: 0 };
      return describe({ ...silent, sourceKind, level_dbfs: -120, silent_s: 10 }).detail;
    }),
  );
  assert.deepEqual(details, [
    'The input is silent. Is the microphone on?',
    'The input is silent.',
    'The input is silent.',
    'The input is silent.',
  ]);
});

/* "rgb(r, g, b)" -> the L of OKLab. */
function oklabLightness(colour) {
  const [r, g, b] = colour.match(/\d+/g).map((value) => {
    const x = value / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  const l = 0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b;
  const m = 0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b;
  const s = 0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b;
  return 0.2104542553 * Math.cbrt(l) + 0.793617785 * Math.cbrt(m) - 0.0040720468 * Math.cbrt(s);
}

/* The page's modules one by one, in the browser that runs them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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
const run = (file, use, value) =>
  page.evaluate(`import('./${file}').then((module) => (${use})(module, ${JSON.stringify(value)}))`);

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
    '',
    'ab …',
  ]);
});

test('history: refuses what is no frame, ignores what it has seen', async () => {
  const outcomes = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a', 'b'], 0.25);
    const frame = (t, p = [0.1, 0.9], time = 1000 + t) =>
      history.addFrame({ t, time, p, on: ['b'] });
    return [
      frame(NaN),
      frame(1, [0.1]),
      frame(1, null),
      frame(1),
      frame(1),
      frame(0.5),
      frame(1.25),
      history.columns.length,
    ];
  });
  assert.deepEqual(outcomes, ['bad', 'bad', 'bad', 'new', 'seen', 'seen', 'new', 2]);
});

test('history: a daemon started anew empties it, whatever its times', async () => {
  const result = await run('history.js', ({ History }) =>
    [5, 900].map((t) => {
      const history = new History(120);
      history.reset(['a'], 0.25);
      history.addFrame({ t: 100, time: 1100, p: [0.5], on: ['a'] });
      history.expectRestart();
      const outcome = history.addFrame({ t, time: 5000 + t, p: [0.5], on: [] });
      return [outcome, history.columns.length, history.spans.length];
    }),
  );
  assert.deepEqual(result, [
    ['restarted', 1, 0],
    ['restarted', 1, 0],
  ]);
});

test('history: a reconnect or a clock that is set right empties nothing', async () => {
  const result = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a'], 0.25);
    const frame = (t, time) => history.addFrame({ t, time, p: [0.5], on: [] });
    frame(100, 1100);
    history.expectRestart();
    return [
      frame(100.25, 1100.3),
      frame(100.5, 9000),
      frame(100.75, 9000.3),
      history.columns.length,
    ];
  });
  assert.deepEqual(result, ['new', 'new', 'new', 4]);
});

test('history: steps fill only what is empty, and nothing overlaps', async () => {
  const columns = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a'], 0.25);
    history.addFrame({ t: 10, time: 10, p: [0.9], on: [] });
    history.addFrame({ t: 10.25, time: 10.25, p: [0.9], on: [] });
    const steps = [9, 9.25, 9.5, 9.75, 10, 10.25].map((t) => ({ t, p: [0.5] }));
    steps.push({ t: NaN, p: [0.5] }, { t: 9.1, p: [0.5, 0.5] });
    history.addSteps(steps, 0.25);
    history.addSteps(steps, 0.25);
    return history.columns.map(({ from_s, to_s, p }) => [from_s, to_s, Math.round(10 * p[0])]);
  });
  assert.deepEqual(columns, [
    [8.75, 9, 5],
    [9, 9.25, 5],
    [9.25, 9.5, 5],
    [9.5, 9.75, 5],
    [9.75, 10, 9],
    [10, 10.25, 9],
  ]);
});

test('history: without a frame the newest step is the newest known moment', async () => {
  const [empty, filled, next] = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a'], 0.25);
    history.addSteps([], 0.25);
    const none = history.last_s;
    history.addSteps(
      [9.5, 9.75, 10].map((t) => ({ t, p: [0.5] })),
      0.25,
    );
    const known = [history.last_s, history.columns.at(-1).to_s, history.columns.length];
    const outcome = history.addFrame({ t: 10.25, time: 1010.25, p: [0.9], on: [] });
    return [none, known, [outcome, history.columns.length]];
  });
  assert.equal(empty, null);
  assert.deepEqual(filled, [10, 10, 3]);
  assert.deepEqual(next, ['new', 4]);
});

test('history: entries and exits, replayed or lost or out of order', async () => {
  const spans = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a', 'b'], 1);
    const frame = (t, on) => history.addFrame({ t, time: t, p: [0, 0], on });
    const brief = () =>
      history.spans.map(({ label, on_s, off_s, exact_on, exact_off }) => [
        label,
        on_s,
        off_s,
        exact_on,
        exact_off,
      ]);
    history.onset('nobody', 1);
    history.offset('a', 1);
    frame(5, ['a']);
    history.onset('a', 3); // noticed late
    history.onset('a', 3); // replayed
    frame(6, ['a', 'b']); // the onset of b is lost
    frame(7, ['b']);
    history.offset('a', 6.5);
    history.offset('a', 6.5);
    frame(8, []);
    const told = brief();
    history.addCues([
      { label: 'a', on_s: 1, off_s: 2 },
      { label: 'a', on_s: 3, off_s: 6.5 },
    ]);
    return [told, brief()];
  });
  const told = [
    [0, 3, 6.5, true, true],
    [1, 6, 8, false, false],
  ];
  assert.deepEqual(spans, [told, [...told, [0, 1, 2, true, true]]]);
});

test('history: what a label did before is known although it plays again', async () => {
  const spans = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a'], 1);
    history.addFrame({ t: 50, time: 50, p: [1], on: ['a'] });
    history.addCues([
      { label: 'a', on_s: 1, off_s: 9 },
      { label: 'a', on_s: 40, off_s: null },
    ]);
    return history.spans.map(({ on_s, off_s }) => [on_s, off_s]);
  });
  assert.deepEqual(spans, [[40, null], [1, 9]]);
});

test('history: what sounds since the very first moment still sounds', async () => {
  const spans = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a'], 1);
    history.addFrame({ t: 5, time: 5, p: [1], on: ['a'] });
    history.addCues([{ label: 'a', on_s: 0, off_s: null }]);
    return history.spans.map(({ on_s, off_s }) => [on_s, off_s]);
  });
  assert.deepEqual(spans, [[0, null]]);
});

test('history: stays bounded', async () => {
  const sizes = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a'], 0.001);
    for (let i = 1; i <= 30000; i++) {
      const t = i * 0.05;
      history.addFrame({ t, time: t, p: [0.5], on: i % 2 ? ['a'] : [] });
      history.onset('a', t);
      history.gap(t, 0.01);
    }
    return [history.columns.length, history.spans.length, history.gaps.length];
  });
  assert.equal(sizes[0], 2500); // 125 s
  assert.ok(sizes[1] <= 1300 && sizes[2] <= 2501, String(sizes));
});

test('history: the last entries are kept however long ago, without those of no length', async () => {
  const told = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a', 'b', 'c'], 1);
    history.onset('a', 1, 1001);
    history.offset('a', 5);
    history.onset('b', 2, 1002);
    history.offset('b', 2);
    history.onset('c', 3);
    history.offset('c', 4);
    for (let t = 4; t < 1000; t++) history.addFrame({ t, time: 2000 + t, p: [0, 0, 0], on: [] });
    return history.entries(5).map(({ label, on_s, time }) => [label, on_s, time]);
  });
  assert.deepEqual(told, [
    [2, 3, 2003],
    [0, 1, 1001],
  ]);
});

/* What a network makes of sound from on_s to off_s: 1 for each window that holds some of it. */
const SMEARED = `(on_s, off_s, from_s, to_s) => {
  const columns = [];
  for (let t = from_s; t <= to_s; t += 0.25) {
    const heard = t - 0.375 >= on_s && t - 3 + 0.375 <= off_s;
    columns.push({ from_s: t - 0.25, to_s: t, p: Float32Array.of(heard ? 1 : 0) });
  }
  return columns;
}`;

test('evidence: what was heard is where it sounded, not where windows ended', async () => {
  const hot = await run('evidence.js', `({ evidence }) => {
    const columns = (${SMEARED})(10, 14, 3, 30);
    const pieces = [...evidence({ columns, gaps: [], hop_s: 0.25, window_s: 3 }, 0)];
    const warm = pieces.filter(({ p }) => p[0] > 0.5);
    const whole = pieces.every(({ from_s }, i) => i === 0 || from_s === pieces[i - 1].to_s);
    return [warm[0].from_s, warm.at(-1).to_s, pieces[0].from_s, pieces.at(-1).to_s, whole];
  }`);
  assert.ok(Math.abs(hot[0] - 10) <= 0.25, `from ${hot[0]}`);
  assert.ok(Math.abs(hot[1] - 14) <= 0.25, `to ${hot[1]}`);
  // The first window is about all that it holds; nothing is left out.
  assert.deepEqual(hot.slice(2), [0, 30, true]);
});

test('evidence: the newest moment is as hot as its bar, and corrected later', async () => {
  const [now, later] = await run('evidence.js', `({ evidence }) => {
    const columns = (${SMEARED})(10, 14, 3, 16);
    const at = (s, known) => {
      const history = { columns: known, gaps: [], hop_s: 0.25, window_s: 3 };
      return [...evidence(history, 0)].find(({ to_s }) => to_s >= s).p[0];
    };
    return [at(15, columns.filter(({ to_s }) => to_s <= 15)),
      at(15, (${SMEARED})(10, 14, 3, 20))];
  }`);
  assert.deepEqual([now, later], [1, 0]);
});

test('evidence: windows begin anew after lost sound, and say nothing across it', async () => {
  const pieces = await run('evidence.js', `({ evidence }) => {
    const columns = [...(${SMEARED})(0, 100, 3, 6), ...(${SMEARED})(200, 300, 11, 14)];
    const history = { columns, gaps: [{ from_s: 6, to_s: 8 }], hop_s: 0.25, window_s: 3 };
    return [...evidence(history, 0)].map(({ from_s, to_s, p }) => [from_s, to_s, p[0]]);
  }`);
  const [before, after] = [pieces.filter(([s]) => s < 7), pieces.filter(([s]) => s >= 7)];
  assert.ok(before.every(([, , p]) => p === 1) && after.every(([, , p]) => p === 0));
  assert.equal(before.at(-1)[1], 6);
  assert.ok(Math.abs(after[0][0] - 8) < 1e-9, `from ${after[0][0]}`);
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
    'bad No sound true',
    'bad No sound true',
    'good The end true',
    'wait Listening true',
    'bad No results true',
    'bad No results true',
    'good Listening false',
    'bad No results true',
    'good Silence false',
    'good Listening false',
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

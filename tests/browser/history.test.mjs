/* What the page keeps of the sound, and what it makes of it: history.js and evidence.js, in the
 * browser that runs them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './module_fixture.mjs';

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

test('history: what plays when the page is opened ends when it ends', async () => {
  const span = await run('history.js', ({ History }) => {
    const history = new History(120);
    history.reset(['a'], 1);
    const frame = (t, on) => history.addFrame({ t, time: t, p: [0.5], on });
    frame(100, ['a']);
    history.addCues([
      { label: 'a', on_s: 20, off_s: 30 },
      { label: 'a', on_s: 95, off_s: null },
    ]);
    frame(106, []); // noticed late
    history.offset('a', 102);
    history.offset('a', 102); // replayed
    return history.spans.map(({ on_s, off_s, exact_off }) => [on_s, off_s, exact_off]);
  });
  assert.deepEqual(
    span.sort((one, other) => one[0] - other[0]),
    [
      [20, 30, true],
      [95, 102, true],
    ],
  );
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

test('history: the last entries are kept however long ago, but none of no length', async () => {
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

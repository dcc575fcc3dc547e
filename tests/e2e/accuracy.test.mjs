// What `tutti analyze` finds in the demo piece, held against its score.
//
// Prints for each entry of the score how late it was found, and how much of what was said is right.
// The bounds are what the shipped model reaches with a margin; see models/README.md.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { tutti } from './daemon.mjs';

const demo = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../daemon/demo');

function readTruth() {
  const lines = readFileSync(path.join(demo, 'piece.csv'), 'utf8').trim().split('\n')
    .filter((line) => !line.startsWith('#'));
  assert.equal(lines[0], 'label,on_s,off_s');
  return lines.slice(1).map((line) => {
    const [label, on, off] = line.split(',');
    return { label, on: Number(on), off: Number(off) };
  });
}

const overlap = (a, b) => Math.min(a.off, b.off) - Math.max(a.on, b.on);

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.floor(sorted.length / 2)];
}

// For each entry of the score the cue of its label that sounds with it and begins nearest to it.
function matchEntries(truth, cues) {
  return truth.map((entry) => {
    const distance = (cue) => Math.abs(cue.on - entry.on);
    const found = cues.filter((cue) => cue.label === entry.label && overlap(cue, entry) > 0)
      .sort((a, b) => distance(a) - distance(b))[0];
    return { ...entry, cue: found };
  });
}

// Of the time that cues claim, the share in which the score has the label (a second of
// reverberation and release after its end counts as sounding).
function precision(truth, cues) {
  let claimed = 0;
  let right = 0;
  for (const cue of cues) {
    claimed += cue.off - cue.on;
    for (const entry of truth.filter(({ label }) => label === cue.label)) {
      right += Math.max(0, overlap(cue, { on: entry.on, off: entry.off + 1 }));
    }
  }
  return claimed > 0 ? right / claimed : 0;
}

function recall(truth, cues) {
  let sounding = 0;
  let found = 0;
  for (const entry of truth) {
    sounding += entry.off - entry.on;
    for (const cue of cues.filter(({ label }) => label === entry.label)) {
      found += Math.max(0, overlap(cue, entry));
    }
  }
  return found / sounding;
}

test('tutti analyze on the demo piece against its score', () => {
  const answer = JSON.parse(execFileSync(tutti,
    ['analyze', '--format', 'json', path.join(demo, 'piece.opus')],
    { encoding: 'utf8', maxBuffer: 1 << 26 }));
  const truth = readTruth();
  const cues = answer.cues.map(({ label, on_s: on, off_s: off }) => ({ label, on, off }));
  const entries = matchEntries(truth, cues);

  console.log('label               enters   found   late by');
  for (const { label, on, cue } of entries) {
    const found = cue ? cue.on.toFixed(2).padStart(7) : '   none';
    const late = cue ? `${(cue.on - on).toFixed(2).padStart(6)} s` : '';
    console.log(`${label.padEnd(18)} ${on.toFixed(2).padStart(7)} ${found}   ${late}`);
  }
  const heard = entries.filter(({ cue }) => cue !== undefined);
  const errors = heard.map(({ on, cue }) => Math.abs(cue.on - on));
  const within = errors.filter((error) => error <= 0.75).length / entries.length;
  const summary = {
    found: heard.length / entries.length,
    precision: precision(truth, cues),
    recall: recall(truth, cues),
    median_error_s: median(errors),
    within_750_ms: within,
  };
  console.log(summary);

  assert.ok(entries.length >= 8);
  assert.ok(summary.found >= 0.85, `${heard.length} of ${entries.length} entries found`);
  assert.ok(summary.precision >= 0.75);
  assert.ok(summary.recall >= 0.75);
  assert.ok(summary.median_error_s <= 0.25);
  assert.ok(summary.within_750_ms >= 0.7);
});

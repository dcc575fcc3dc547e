// API.md tells of every path, event and field that the daemon has.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { badHealth, getJson, ofKind, readEvents, startDaemon } from './daemon.mjs';

const text = readFileSync(new URL('../../daemon/API.md', import.meta.url), 'utf8');
// What stands between backquotes, and the words of what is longer.
const told = new Set([...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code]) =>
  [code, ...code.split(/[^A-Za-z0-9_]+/)]));

// The names of all fields of an answer, with where they stand.
function fields(value, place, found) {
  if (Array.isArray(value)) value.forEach((item) => fields(item, place, found));
  else if (value !== null && typeof value === 'object')
    for (const [name, inner] of Object.entries(value)) {
      found.set(name, `${place}.${name}`);
      fields(inner, `${place}.${name}`, found);
    }
}

test('API.md tells of every path, event and field', async (t) => {
  const daemon = await startDaemon(['--input', 'demo', '--hop', '0.25']);
  t.after(() => daemon.stop('SIGKILL'));
  const enough = (events) => ofKind(events, 'onset').length > 0;
  const events = await readEvents(daemon.url, { enough });
  assert.ok(enough(events));
  const found = new Map();
  for (const { event, json } of events.filter((one) => one.json)) {
    found.set(event, `event ${event}`);
    fields(json, event, found);
  }
  const source = (await getJson(`${daemon.url}/api/v1/sources/main`)).body;
  const paths = ['/api/v1/sources', '/api/v1/sources/main', '/api/v1/nothing', '/healthz',
    ...Object.keys(source.links).map((name) => `/api/v1/${name}`)];
  for (const path of paths.filter((one) => one !== '/api/v1/stream'))
    fields((await getJson(daemon.url + path)).body, path, found);
  for (const path of [...paths, '/metrics'].filter((one) => one !== '/api/v1/nothing'))
    assert.ok(told.has(path.replace('main', 'NAME')), `nothing of ${path}`);
  for (const [name, place] of found) assert.ok(told.has(name), `nothing of ${place}`);
  assert.ok(found.size > 40, 'answers were read');
});

// What a section names that is no field of its answer: a command's key, states, settings.
const ELSEWHERE = {
  info: ['entry_thresholds', 'true'],
  now: ['stalled', 'lost', 'smoothing_s'],
  history: ['keep_h'],
};

test('API.md tells of no field that is gone', async (t) => {
  const daemon = await startDaemon(['--input', 'demo', '--hop', '0.25']);
  t.after(() => daemon.stop('SIGKILL'));
  await readEvents(daemon.url, { enough: (events) => ofKind(events, 'frame').length > 3 });
  for (const [section, elsewhere] of Object.entries(ELSEWHERE)) {
    const described = text.split(`\n### ${section}\n`)[1].split('\n##')[0];
    const names = [...described.matchAll(/`([a-z][a-z0-9_]*)`/g)].map(([, name]) => name);
    assert.ok(names.length > 5, `${section} has names`);
    const found = new Map();
    fields((await getJson(`${daemon.url}/api/v1/${section}`)).body, section, found);
    for (const name of names.filter((one) => !elsewhere.includes(one)))
      assert.ok(found.has(name), `${section} has no ${name}`);
  }
});

test('API.md tells of every metric, and of no other', async (t) => {
  const daemon = await startDaemon(['--input', 'demo']);
  t.after(() => daemon.stop('SIGKILL'));
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  const names = (lines, pattern) => [...new Set([...lines.matchAll(pattern)].map(([, x]) => x))];
  assert.deepEqual(names(text, /`(tutti_[a-z_]+)`/g).sort(),
    names(metrics, /^# TYPE (\w+) /gm).sort());
});

// Where health is bad there are more fields.
test('API.md tells what healthz says of a source that is late', async (t) => {
  const daemon = await startDaemon(['--input', '-'], { stdin: 'pipe' });
  t.after(() => daemon.stop('SIGKILL'));
  const health = await badHealth(daemon);
  assert.equal(health.status, 503);
  for (const name of Object.keys(health.body)) assert.ok(told.has(name), `nothing of ${name}`);
});

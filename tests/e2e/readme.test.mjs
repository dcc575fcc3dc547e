// Runs every command of README.md, as a reader would: each block marked `sh` is looked up here by
// its exact text, so that a command which is added or changed without being run fails the test.
//
// The commands run in a fresh copy of the sources, on a free port instead of 8808. `sudo`,
// `systemctl`, `chromium` and `parec` are stand-ins: the first runs its command into a folder of
// the test, the second checks the unit that was installed there, the third that there is a page at
// the address, and the last records silence.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const build = process.env.BUILD ?? path.join(root, 'build');

function commandsOf(document) {
  const blocks = [...document.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  return blocks.flatMap((block) => block.trimEnd().split('\n'));
}

function copyOfSources(to) {
  const listed = spawnSync('git', ['-C', root, 'ls-files', '-co', '--exclude-standard', '-z'], {
    encoding: 'utf8', maxBuffer: 1 << 26,
  });
  if (listed.status !== 0) {
    cpSync(root, to, { recursive: true, filter: (file) => !/\/(build[^/]*|\.git)$/.test(file) });
    return;
  }
  for (const file of listed.stdout.split('\0').filter((name) => name !== '')) {
    if (existsSync(path.join(root, file))) {
      mkdirSync(path.dirname(path.join(to, file)), { recursive: true });
      cpSync(path.join(root, file), path.join(to, file));
    }
  }
}

const port = await new Promise((resolve) => {
  const server = createServer();
  server.listen(0, '127.0.0.1', () => {
    const { port: free } = server.address();
    server.close(() => resolve(free));
  });
});
const here = `127.0.0.1:${port}`;

const place = mkdtempSync(path.join(tmpdir(), 'tutti-readme-'));
const sources = path.join(place, 'tutti');
const destination = path.join(place, 'installed');
const binaries = path.join(place, 'bin');
const silence = path.join(place, 'silence.f32');

function standIn(name, script) {
  writeFileSync(path.join(binaries, name), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(binaries, name), 0o755);
}

function prepare() {
  mkdirSync(sources);
  mkdirSync(binaries);
  copyOfSources(sources);
  standIn('sudo', `DESTDIR='${destination}' exec "$@"`);
  standIn('systemctl', `exec test -f "$(find '${destination}' -name tuttid.service)"`);
  standIn('chromium', 'exec curl -sSf -o /dev/null "$2"');
  standIn('parec', `exec cat '${silence}'`);
  // The programs of this build stand for the installed ones, on a virtual microphone.
  writeFileSync(environment.ALSA_CONFIG_PATH, `<${process.env.VIRTUAL_MICROPHONE}>
pcm.USB_Audio { type tutti_microphone sound "${silence}" gate "/" rate 48000 channels 1 }
`);
  writeFileSync(silence, Buffer.alloc(4 * 48000));
  standIn('tuttid', `exec '${build}/daemon/tuttid' --listen ${here} "$@"`);
  standIn('tutti', `[ "$*" != watch ] || set -- watch ${here}\nexec '${build}/daemon/tutti' "$@"`);
  execFileSync('ffmpeg', ['-loglevel', 'error', '-i', path.join(root, 'daemon/demo/piece.opus'),
    '-t', '12', path.join(sources, 'song.flac')]);
}

// The machine of the test has the virtual microphone (tests/support), under a reader's name too.
const environment = {
  ...process.env,
  PATH: `${binaries}:${process.env.PATH}`,
  ALSA_CONFIG_PATH: path.join(place, 'asound.conf'),
  JACK_NO_START_SERVER: '1',
  TUTTI_MICROPHONE_SOUND: silence,
  TUTTI_CONFIG: '/dev/null',
};
for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']) {
  delete environment[name];
}

// Runs a command line to its end and gives {code, output}.
function run(command, within = 120) {
  const result = spawnSync('sh', ['-c', command], {
    cwd: sources, env: environment, encoding: 'utf8', timeout: within * 1000,
    maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { code: result.status, output: `${result.stdout}${result.stderr}`,
    stdout: result.stdout };
}

// The process groups of what runs.
const groups = new Set();

function endGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended by itself.
  }
}

// Where the test is ended from outside, nothing is left behind.
process.on('SIGTERM', () => {
  for (const group of groups) {
    endGroup(group, 'SIGKILL');
  }
  rmSync(place, { recursive: true, force: true });
  process.exit(1);
});

// Runs a command line that goes on for ever (or for long) until its output fits, then ends it.
function runUntil(command, expected, within = 300) {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', command], {
      cwd: sources, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
    });
    groups.add(child.pid);
    let output = '';
    let found = false;
    const timer = setTimeout(() => {
      endGroup(child.pid, 'SIGKILL');
      reject(new Error(`'${command}' did not print ${expected} in ${within} s: ${output}`));
    }, within * 1000);
    function take(data) {
      output += found ? '' : data;
      if (!found && expected.test(output)) {
        found = true;
        clearTimeout(timer);
        endGroup(child.pid, 'SIGTERM');
      }
    }
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    // Once all that it has started are gone, not only the shell: the next command needs the port.
    child.on('close', (code) => {
      clearTimeout(timer);
      groups.delete(child.pid);
      if (found) {
        resolve({ code, output });
      } else {
        reject(new Error(`'${command}' ended with ${code} before ${expected}: ${output}`));
      }
    });
  });
}

const pageIsUp = new RegExp(`page at http://127\\.0\\.0\\.1:${port}/`);

function succeeds(expected, within) {
  return (command) => {
    const { code, output } = run(command, within);
    assert.equal(code, 0, output);
    assert.match(output, expected);
  };
}

function comesUp(command) {
  return runUntil(command, pageIsUp);
}

// Until the daemon has heard so many seconds of its source.
async function untilItHasHeard(seconds, within = 60) {
  const deadline = Date.now() + within * 1000;
  for (;;) {
    const now = await fetch(`http://${here}/api/v1/now`).catch(() => null);
    if (now?.status === 200 && (await now.json()).t > seconds) {
      return;
    }
    assert.ok(Date.now() < deadline, `no ${seconds} s of sound were heard in ${within} s`);
    await sleep(100);
  }
}

// A client's command: run while a daemon listens to the demo piece.
function asClient(check, expected) {
  return async (command) => {
    const daemon = spawn(path.join(build, 'daemon/tuttid'), ['--input', 'demo', '--listen', here], {
      stdio: 'ignore', env: environment,
    });
    try {
      await untilItHasHeard(3);
      if (expected) {
        await runUntil(command, expected, 20);
      } else {
        check(run(command, 20));
      }
    } finally {
      daemon.kill('SIGKILL');
      await new Promise((resolve) => { daemon.on('exit', resolve); });
    }
  };
}

const json = (check) => asClient(({ code, stdout, output }) => {
  assert.equal(code, 0, output);
  check(JSON.parse(stdout));
});

const runs = {
  'sh demo.sh': (command) => comesUp(`${command} --listen ${here}`),
  'sh check.sh': () => succeeds(/Installs what is needed/)('sh check.sh --help'),
  'sh tests/packages.sh build': succeeds(/^/, 300),
  'meson setup build --buildtype=release -Dtests=false': (command) => {
    rmSync(path.join(sources, 'build'), { recursive: true, force: true });
    succeeds(/Build targets in project/)(command);
  },
  'ninja -C build': succeeds(/daemon\/tuttid/, 600),
  'sudo meson install -C build': (command) => {
    succeeds(/tuttid/)(command);
    const version = execFileSync(path.join(destination, 'usr/local/bin/tuttid'), ['--version'],
      { encoding: 'utf8' });
    assert.match(version, /^tuttid \d+\.\d+\.\d+/);
    const model = execFileSync(path.join(destination, 'usr/local/bin/tutti'),
      ['analyze', '--format', 'csv', path.join(sources, 'song.flac')], { encoding: 'utf8' });
    assert.match(model, /piano/);
  },
  'tutti devices': succeeds(/./),
  'tuttid --input default': comesUp,
  "tuttid --input 'USB*' --gain-db 6": comesUp,
  "chromium --kiosk 'http://127.0.0.1:8808/?view=wall'":
    asClient(({ code, output }) => assert.equal(code, 0, output)),
  'sudo systemctl enable --now tuttid': succeeds(/^/),
  'sudo systemctl daemon-reload': succeeds(/^/),
  'sudo systemctl disable --now tuttid': succeeds(/^/),
  'sudo ninja -C build uninstall': (command) => {
    succeeds(/Uninstall finished/)(command);
    assert.ok(!existsSync(path.join(destination, 'usr/local/bin/tuttid')));
    assert.ok(existsSync(path.join(destination, 'etc/tutti/tuttid.conf')), 'settings stay');
  },
  'sudo systemctl restart tuttid': succeeds(/^/),
  ['parec --device=@DEFAULT_MONITOR@ --latency-msec=50 --format=float32le --rate=48000 '
    + '--channels=1 | tuttid --input - --stdin-format f32le:48000:1']: comesUp,
  ['ffmpeg -loglevel error -i song.flac -f f32le -ac 1 -ar 48000 - '
    + '| tuttid --input - --stdin-format f32le:48000:1']: comesUp,
  'tutti analyze song.flac': succeeds(/song\.flac/),
  'tutti analyze --format json song.flac': (command) => {
    const { code, stdout, output } = run(command);
    assert.equal(code, 0, output);
    assert.ok(JSON.parse(stdout).frames.length > 40);
  },
  'tutti analyze --format audacity -o song.txt song.flac': (command) => {
    succeeds(/^/)(command);
    assert.match(readFileSync(path.join(sources, 'song.txt'), 'utf8'),
      /^\d+(\.\d+)?\t\d+(\.\d+)?\tflute\n/);
  },
  'tutti watch': asClient(null, /Z [+=][a-z_]+ \d\.\d+ since \d/),
  "tutti watch | grep --line-buffered ' +piano'": asClient(null, /Z \+piano \d/),
  'tutti bench': succeeds(/window/i),
  'tutti model models/tutti-20.safetensors': succeeds(/saxophone/),
  'curl -s http://127.0.0.1:8808/api/v1/info':
    json((info) => assert.equal(info.source.kind, 'demo')),
  'curl -s http://127.0.0.1:8808/api/v1/now': json((now) => assert.ok(now.t > 1)),
  'curl -sN http://127.0.0.1:8808/api/v1/stream': asClient(null, /event: frame\ndata: \{/),
  "curl -s 'http://127.0.0.1:8808/api/v1/history?from=0&to=120&step=1'":
    json((history) => assert.ok(history.steps.length >= 2)),
  "curl -s 'http://127.0.0.1:8808/api/v1/cues?format=csv'":
    asClient(({ code, stdout }) => {
      assert.equal(code, 0);
      assert.match(stdout, /label/);
    }),
  'curl -s http://127.0.0.1:8808/api/v1/sources':
    json(({ sources }) => assert.deepEqual(sources.map(({ kind }) => kind), ['demo'])),
  'curl -s http://127.0.0.1:8808/metrics': asClient(({ code, stdout }) => {
    assert.equal(code, 0);
    assert.match(stdout, /^tutti_source_frames_total\{source="main"\} \d+$/m);
  }),
  'curl -s http://127.0.0.1:8808/healthz': json((health) => assert.equal(health.healthy, true)),
};

test('README.md', async (t) => {
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const document = readFileSync(path.join(root, 'README.md'), 'utf8');
  // But for names that the sound server has: @DEFAULT_MONITOR@.
  assert.doesNotMatch(document, /(?<!@)\b[A-Z]+_[A-Z]+\b(?!@)/,
    'a placeholder was left in README.md');
  const commands = commandsOf(document);
  assert.deepEqual([...new Set(commands)].sort(), Object.keys(runs).sort(),
    'each command of README.md is run here, and nothing else');
  prepare();
  for (const [, text] of document.matchAll(/^```ini\n([\s\S]*?)^```$/gm)) {
    // It is read, but what it is to listen to is not there.
    writeFileSync(path.join(sources, 'example.conf'), text);
    const named = text.includes('[source ');
    const { output } = run(`tuttid -c example.conf${named ? '' : ' --input nowhere'}`);
    assert.match(output, named ? /\[source (stage|foyer)\] input: .*no input device/
      : /no input device "nowhere"/);
  }
  for (const command of new Set(commands)) {
    await t.test(command, () => runs[command](command.replaceAll('127.0.0.1:8808', here)));
  }
});

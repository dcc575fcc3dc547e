// How long after an entry or an exit the daemon tells of it: the sound's time when the event comes
// less the time that the event names. Of the demo piece, or of what OPTIONS make tuttid play.
//
//   TUTTID=build/daemon/tuttid node tests/bench/notice.mjs [SECONDS [OPTION...]]

import { readEvents, startDaemon } from '../e2e/daemon.mjs';
import { percentile } from './percentile.mjs';

const duration = Number(process.argv[2] ?? 180);
const options = process.argv.length > 3 ? process.argv.slice(3) : ['--input', 'demo'];

const daemon = await startDaemon(options);
const delays = { onset: [], offset: [] }; // seconds
let heard = 0; // to here, in seconds
await readEvents(daemon.url, {
  within: duration * 1000,
  enough: (events) => {
    for (const { event, json } of events.splice(0)) {
      if (event === 'frame') {
        heard = json.t;
      } else if (event in delays) {
        delays[event].push(heard - json.t);
      }
    }
    return false;
  },
});
await daemon.stop('SIGKILL');

for (const [event, told] of Object.entries(delays)) {
  told.sort((a, b) => a - b);
  const at = (share) => percentile(told, share);
  console.log(told.length === 0 ? `${event}: none` : `${event}: ${told.length}, `
    + `median ${at(0.5)} s, 90% ${at(0.9)} s, most ${at(1)} s`);
}

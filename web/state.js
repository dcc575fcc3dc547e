/* state.js - what the page says about the state of things, in plain words.
 *
 * One pure function from all that is known to one sentence. What breaks the chain first is named
 * first: the connection, then the source, then the recognizer, then the sound itself. Only where
 * the end was told before the connection broke, that is the reason.
 */
import { durationText, plainText } from './format.js';

export const STALE_S = 3; // without a frame, from when on nothing is claimed any more
const SILENT_DBFS = -90;

const said = (kind, title, detail, chip, stale = true) => ({ kind, title, detail, chip, stale });

/* Of what the daemon says when it refuses, what is likely; in words for people who only look on. */
const REFUSALS = new Map([
  ['too many clients', 'As many pages are open as the daemon allows.'],
  ['too many clients from your address', 'As many pages are open from your address as allowed.'],
  ['the server is stopping', 'The daemon is stopping.'],
]);
const MAX_REASON = 120;

/* known: {link, reason (of a refusal); source, state: of the daemon's status; sourceKind: of its
 * info, if known; frameAge_s (null: none yet), waiting_s (since hello), window_s, hop_s (between
 * two frames now); level_dbfs, silent_s, late_s}.
 *
 * Returns {kind: "good", "quiet" (all is well, but nothing sounds), "wait" or "bad"; title: in
 * place of instruments when none plays; detail: a sentence, may be empty; chip: two words about
 * the connection; stale: what was heard last no longer counts}.
 */
export function describe(known) {
  const trouble = lastWords(known) ?? linkTrouble(known) ?? sourceTrouble(known);
  return trouble ?? resultTrouble(known) ?? listening(known);
}

const ENDLESS = new Set(['device', 'demo']); // kinds of sources

/* A daemon that goes right after it has told the end is not missed: it ended with its input, as it
 * does by default, or it was stopped. */
function lastWords({ link, state, source, sourceKind }) {
  if (state !== 'ended' || (link !== 'reconnecting' && link !== 'unreachable')) return null;
  if (ENDLESS.has(sourceKind)) {
    const detail = 'The daemon was stopped. This page goes on by itself when it is back.';
    return said('wait', 'Stopped', detail, 'Stopped');
  }
  const name = source ? `the input “${source}”` : 'its input';
  const detail = `The daemon has ended with ${name}. This page goes on by itself when it is back.`;
  return said('good', 'The end', detail, 'Ended');
}

function linkTrouble({ link, reason }) {
  if (link === 'connecting') return said('wait', 'Connecting', '', 'Connecting');
  if (link === 'reconnecting')
    return said('wait', 'Reconnecting', 'The connection was lost. Trying again.', 'Reconnecting');
  if (link === 'refused') {
    const full = reason.startsWith('too many clients');
    const why = REFUSALS.get(reason) ?? `The daemon says: “${plainText(reason, MAX_REASON)}”.`;
    const chip = full ? 'Full' : 'Refused';
    return said('bad', full ? 'No room' : 'Refused', `${why} This page goes on by itself.`, chip);
  }
  if (link === 'unreachable')
    return said(
      'bad',
      'No connection',
      'The daemon does not answer, or the network is down. This page goes on by itself.',
      'Not connected',
    );
  return null;
}

function sourceTrouble({ state, source, sourceKind }) {
  const name = source ? `The input “${source}”` : 'The input';
  if (state === 'stalled')
    return said('bad', 'No sound', `${name} has stalled: it delivers nothing.`, 'Stalled');
  if (state === 'lost')
    return said('bad', 'No sound', `${name} is gone. Was it unplugged?`, 'Input lost');
  if (state === 'ended' && ENDLESS.has(sourceKind))
    return said('wait', 'Stopped', 'The daemon is stopping.', 'Stopped');
  if (state === 'ended')
    return said('good', 'The end', `${name} has been heard to its end.`, 'Ended');
  return null;
}

function resultTrouble({ frameAge_s, waiting_s, window_s, hop_s = 0 }) {
  const stale_s = Math.max(STALE_S, 2 * hop_s);
  if (frameAge_s === null && waiting_s > window_s + stale_s)
    return said('bad', 'No results', 'The daemon answers, but no result has come yet.', 'Stalled');
  if (frameAge_s === null)
    return said(
      'wait',
      'Listening',
      window_s > 0 ? `The first result comes after ${durationText(window_s)} of sound.` : '',
      'Connected',
    );
  if (frameAge_s > stale_s)
    return said('bad', 'No results', `No results for ${durationText(frameAge_s)}.`, 'Stalled');
  return null;
}

function listening({ level_dbfs, silent_s, late_s, sourceKind }) {
  const late = late_s > 1 ? `Results arrive ${durationText(late_s)} late.` : '';
  const chip = late ? 'Late' : 'Live';
  const kind = late ? 'wait' : 'good';
  if (level_dbfs <= SILENT_DBFS && silent_s > STALE_S) {
    const ask = sourceKind === 'device' ? ' Is the microphone on?' : '';
    const detail = late || `The input is silent.${ask}`;
    return said(late ? kind : 'quiet', 'Silence', detail, chip, false);
  }
  return said(kind, 'Listening', late, chip, false);
}

/* Whether a level counts as silence above. */
export const isSilent = (level_dbfs) => !(level_dbfs > SILENT_DBFS);

/* format.js - how names, levels and times are written. Pure functions. */

const MAX_NAME = 40;

/* "acoustic_guitar" -> "acoustic guitar". Labels come from a model file that anybody may have
 * made: control and direction characters go, and the length is bounded. */
export function prettyName(label) {
  const name = String(label)
    .replace(/\p{C}/gu, '')
    .replace(/[_\s]+/gu, ' ')
    .trim();
  const characters = Array.from(name);
  if (characters.length <= MAX_NAME) return name || 'unnamed';
  return characters.slice(0, MAX_NAME - 1).join('') + '…';
}

/* "acoustic guitar" -> "Acoustic guitar". */
export function capitalized(name) {
  const [first = '', ...rest] = Array.from(name);
  return first.toLocaleUpperCase('en') + rest.join('');
}

/* ["piano", "cello", "voice"] -> "piano, cello & voice". */
export function joined(names, last = '&') {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${last} ${names.at(-1)}`;
}

/* -17.6 -> "−18 dBFS", with a real minus sign; the floor of the meter reads "−∞". */
export function levelText(level_dbfs) {
  if (!Number.isFinite(level_dbfs) || level_dbfs <= -119) return '−∞ dBFS';
  const rounded = Math.round(level_dbfs);
  return `${rounded < 0 ? '−' : ''}${Math.abs(rounded)} dBFS`;
}

/* 0.4 -> "0.4 s", 95 -> "1 min 35 s", 7,300 -> "2 h 1 min". */
export function durationText(seconds) {
  if (!(seconds > 0)) return '0 s';
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/* 1 -> "1 event", 3 -> "3 events". */
export function counted(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/* format.js - how names, levels and times are written. Pure functions. */

const MAX_NAME = 40;

/* Text from elsewhere: without control and direction characters, and of bounded length. */
export function plainText(text, longest) {
  const characters = Array.from(
    String(text)
      .replace(/\p{C}/gu, '')
      .replace(/\s+/gu, ' ')
      .trim(),
  );
  if (characters.length <= longest) return characters.join('');
  return characters.slice(0, longest - 1).join('') + '…';
}

/* "acoustic_guitar" -> "acoustic guitar". Labels come from a model file that anybody may have
 * made. */
export function prettyName(label) {
  return plainText(String(label).replaceAll('_', ' '), MAX_NAME) || 'unnamed';
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

export const DAY_S = 86400;

/* How long ago, as a clock would count: 12 -> "0:12", 4000 -> "1:06:40"; from a day on in days. */
export function agoText(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  if (whole >= DAY_S) return counted(Math.floor(whole / DAY_S), 'day');
  const two = (number) => String(number).padStart(2, '0');
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(min)}:${two(s)}` : `${min}:${two(s)}`;
}

/* Seconds since 1970 -> "21:14:03" where the visitor is, with the date "2 Nov" in front where the
 * time alone would not tell the day; "" for none. */
export function clockText(time_s, { dated = false } = {}) {
  const date = new Date(1000 * time_s);
  if (Number.isNaN(date.getTime())) return '';
  const clock = date.toLocaleTimeString('en-GB');
  if (!dated) return clock;
  return `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${clock}`;
}

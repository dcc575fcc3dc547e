/* request.js - questions to the daemon that do not wait for ever. */

/* What take(answer) makes of the answer to a request for `path`; both together have wait_ms. What
 * is still to come of the answer then is not wanted. Throws where nobody answers in time. */
export async function ask(path, wait_ms, take) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), wait_ms);
  try {
    return await take(await fetch(path, { cache: 'no-store', signal: stop.signal }));
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

/* The same, as JSON. Throws as well where the daemon refuses. */
export function json(path, wait_ms) {
  return ask(path, wait_ms, (answer) => {
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  });
}

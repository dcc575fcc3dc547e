/* sources.js - which of the daemon's sources the page shows: the one that its address names
 * (?source=NAME), otherwise the first. Where there are several, a list lets people choose; with
 * one, nothing is to be seen of it. The list tells of a source that does not run. An address that
 * names a source which does not exist is answered by a sentence beside the first one's results.
 */
import { prettyName } from './format.js';

const NAME = /^[A-Za-z0-9_-]{1,32}$/; // as the daemon has it
const STATES = new Set(['starting', 'stalled', 'lost', 'ended']); // worth telling
const SETTLE_MS = 300;

/* The same address with other parameters, such as { source: 'stage' }. */
export function addressOf(query, changes) {
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) parameters.set(name, value);
  return `?${parameters}`;
}

/* What the query of an address names, "" if nothing. It may be anything. */
export function wantedSource(query) {
  return new URLSearchParams(query).get('source') ?? '';
}

/* Where the API of a source is, relative to the page; "", or what is no name: the first one's. */
export function apiPath(name) {
  return NAME.test(name) ? `api/v1/sources/${name}/` : 'api/v1/';
}

/* The links to what a source's cues can be downloaded as. The file's name tells the source, if it
 * is not the first. */
export function linkCues(box, name) {
  const base = ['tutti', ...(name ? [name] : []), 'cues'].join('-');
  for (const link of box.querySelectorAll('a')) {
    const { format, suffix } = link.dataset;
    link.href = `${apiPath(name)}cues?format=${format}`;
    link.download = `${base}.${suffix}`;
  }
}

export class SourceChoice {
  #names = [];
  #settle = 0;

  /* choice: the element with the list, hidden while there is nothing to choose; list: the
   * <select>; notice: where to say that there is no source of the wanted name. onChoice(name) is
   * called when somebody has chosen; onMoved() when another source than before is the one to show,
   * because another is wanted or the daemon's sources have changed. */
  constructor({ choice, list, notice, wanted, onChoice, onMoved }) {
    Object.assign(this, { choice, list, notice, wanted, onChoice, onMoved });
    /* The source to show; "": the first. As long as the list is not known, the wanted one if it
     * can be one. */
    this.shown = NAME.test(wanted) ? wanted : '';
    list.addEventListener('change', () => this.#chosen());
  }

  /* The name of the source that is shown, where there are several; otherwise "". */
  get name() {
    return this.#names.length > 1 ? this.shown || this.#names[0] : '';
  }

  /* Another source is wanted. */
  want(wanted) {
    this.wanted = wanted;
    if (this.#names.length > 0) this.#decide(false);
  }

  /* sources: as /api/v1/sources lists them. first: nothing is shown yet. */
  show(sources, { first = false } = {}) {
    const known = (Array.isArray(sources) ? sources : []).filter((one) => NAME.test(one?.name));
    if (known.length === 0) return;
    this.#list(known);
    this.#decide(first);
  }

  #decide(first) {
    const right = this.#names.includes(this.wanted) ? this.wanted : '';
    const moved = right !== this.shown && !first;
    this.shown = right;
    if (this.#settle === 0) this.list.value = right || this.#names[0];
    const missing = this.wanted !== '' && right === '';
    const said = missing
      ? `There is no source “${prettyName(this.wanted)}” here. This is “${this.#names[0]}”.`
      : '';
    if (this.notice.textContent !== said) this.notice.textContent = said;
    this.notice.hidden = !missing;
    if (moved) this.onMoved();
  }

  /* Who walks through the list with the arrow keys passes by what is not meant. */
  #chosen() {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      this.#settle = 0;
      this.onChoice(this.list.value);
    }, SETTLE_MS);
  }

  /* What stays as it is is left alone: somebody may have the list open. */
  #list(sources) {
    const names = sources.map(({ name }) => name);
    if (names.join() !== this.#names.join())
      this.list.replaceChildren(...names.map((name) => new Option(name, name)));
    this.#names = names;
    sources.forEach(({ name, state }, i) => {
      const text = STATES.has(state) ? `${name} – ${state}` : name;
      if (this.list.options[i].text !== text) this.list.options[i].text = text;
    });
    this.choice.hidden = names.length < 2;
  }
}

/* sources.js - which of the daemon's sources the page shows: the one that its address names
 * (?source=NAME), otherwise the first. Where there are several, a list lets people choose; with
 * one, nothing is to be seen of it. An address that names a source which does not exist is
 * answered by a sentence beside the first one's results.
 */
import { prettyName } from './format.js';

const NAME = /^[A-Za-z0-9_-]{1,32}$/; // as the daemon has it

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
  box.hidden = false;
}

export class SourceChoice {
  #names = [];

  /* choice: the element with the list, hidden while there is nothing to choose; list: the
   * <select>; notice: where to say that there is no source of the wanted name. onChoice(name) is
   * called when somebody chooses; onMoved() when another source than shown is the one to show,
   * because the daemon's sources have changed. */
  constructor({ choice, list, notice, wanted, onChoice, onMoved }) {
    Object.assign(this, { choice, list, notice, wanted, onChoice, onMoved });
    /* The source to show, which stays the same for as long as the page is; "": the first. As long
     * as the list is not known, the wanted one if it can be one. */
    this.shown = NAME.test(wanted) ? wanted : '';
    list.addEventListener('change', () => onChoice(list.value));
  }

  /* sources: as /api/v1/sources lists them. first: nothing is shown yet. */
  show(sources, { first = false } = {}) {
    const names = Array.isArray(sources)
      ? sources.map((source) => source?.name).filter((name) => NAME.test(name))
      : [];
    if (names.length === 0) return;
    const right = names.includes(this.wanted) ? this.wanted : '';
    if (right !== this.shown && !first) {
      this.onMoved();
      return;
    }
    this.shown = right;
    this.#list(names);
    const missing = this.wanted !== '' && right === '';
    const said = missing
      ? `There is no source “${prettyName(this.wanted)}” here. This is “${names[0]}”.`
      : '';
    if (this.notice.textContent !== said) this.notice.textContent = said;
    this.notice.hidden = !missing;
  }

  /* A list that stays as it is is left alone: somebody may have it open. */
  #list(names) {
    if (names.join() !== this.#names.join()) {
      this.list.replaceChildren(...names.map((name) => new Option(name, name)));
      this.list.value = this.shown || names[0];
    }
    this.#names = names;
    this.choice.hidden = names.length < 2;
  }
}

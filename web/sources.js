/* sources.js - which of the daemon's sources the page shows: the one that its address names
 * (?source=NAME), otherwise the first. Where there are several, a list lets people choose; with
 * one, nothing is to be seen of it.
 */

const NAME = /^[A-Za-z0-9_-]{1,32}$/; // as the daemon has it

/* The name in the query of an address, "" if there is none that could be one. */
export function wantedSource(query) {
  const name = new URLSearchParams(query).get('source') ?? '';
  return NAME.test(name) ? name : '';
}

/* Where the API of a source is, relative to the page; "": the first one's. */
export function apiPath(name) {
  return name ? `api/v1/sources/${name}/` : 'api/v1/';
}

export class SourceChoice {
  /* choice: the element with the list, hidden while there is nothing to choose; list: the
   * <select>. onChoice(name) is called when somebody chooses, and with "" when there is no source
   * of the wanted name. */
  constructor({ choice, list, wanted, onChoice }) {
    Object.assign(this, { choice, list, wanted, onChoice });
    list.addEventListener('change', () => onChoice(list.value));
  }

  /* sources: as /api/v1/sources lists them. */
  show(sources) {
    const names = Array.isArray(sources)
      ? sources.map((source) => source?.name).filter((name) => NAME.test(name))
      : [];
    if (names.length === 0) return;
    if (this.wanted && !names.includes(this.wanted)) {
      this.onChoice('');
      return;
    }
    this.list.replaceChildren(...names.map((name) => new Option(name, name)));
    this.list.value = this.wanted || names[0];
    this.choice.hidden = names.length < 2;
  }
}

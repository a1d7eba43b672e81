/**
 * A search through the conversation that goes on while it does: what is found is lit up, one after the other by keys.
 *
 * Knows nothing of calls, nor of how text is laid out.
 */

import { occurrences } from "./occurrences.js";

/** @typedef {import("./turns.js").Turn} Turn @typedef {import("./rules.js").Place} Place */

export class Search {
  /** Places of each turn's hits, by its first segment. @type {Map<number, Place[]>} */
  #hits = new Map();
  /** @type {Turn[]} */
  #turns = [];
  /** The hit that was gone to. @type {Place | null} */
  #current = null;
  #page;
  #range;
  #reveal;

  /**
   * @param {{query: HTMLInputElement, hits: HTMLElement, previous: HTMLButtonElement, next: HTMLButtonElement}} page
   * @param {(place: Place) => AbstractRange | null} range where a place is on the screen
   * @param {(range: AbstractRange) => void} reveal
   */
  constructor(page, range, reveal) {
    this.#page = page;
    this.#range = range;
    this.#reveal = reveal;
    page.query.addEventListener("input", () => this.#restart());
    page.query.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#go(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape" && page.query.value) {
        page.query.value = "";
        this.#restart();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    page.previous.addEventListener("click", () => this.#go(-1));
    page.next.addEventListener("click", () => this.#go(1));
  }

  /** @param {Turn[]} turns all that are shown @param {Turn[]} changed those that have changed */
  update(turns, changed) {
    this.#turns = turns;
    if (!this.#page.query.value) return;
    for (const turn of changed) this.#find(turn);
    const first = new Set(turns.map(({ segments }) => segments[0].id));
    for (const id of this.#hits.keys()) if (!first.has(id)) this.#hits.delete(id);
    this.#show();
  }

  #restart() {
    this.#hits.clear();
    this.#current = null;
    if (this.#page.query.value) this.#turns.forEach((turn) => this.#find(turn));
    this.#show();
  }

  /** @param {Turn} turn */
  #find({ segments }) {
    const places = segments.flatMap(({ id, stable }) =>
      occurrences(stable, this.#page.query.value).map((found) => ({ segment: id, ...found })),
    );
    this.#hits.set(segments[0].id, places);
  }

  /** All hits, in the order of the conversation. */
  #all() {
    return this.#turns.flatMap(({ segments }) => this.#hits.get(segments[0].id) ?? []);
  }

  /** @param {1 | -1} step */
  #go(step) {
    const all = this.#all();
    if (!all.length) return;
    const at = this.#index(all);
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length;
    this.#current = all[next];
    this.#show();
    const range = this.#range(this.#current);
    if (range) this.#reveal(range);
  }

  /** Of the current hit. @param {Place[]} all */
  #index(all) {
    const now = this.#current;
    return now ? all.findIndex(({ segment, start }) => segment === now.segment && start === now.start) : -1;
  }

  #show() {
    const { query, hits, previous, next } = this.#page;
    const all = query.value ? this.#all() : [];
    const at = this.#index(all);
    hits.textContent = !query.value ? "" : !all.length ? "none" : at < 0 ? `${all.length}` : `${at + 1} of ${all.length}`;
    previous.disabled = next.disabled = all.length === 0;
    light("found", all, this.#range);
    light("found-now", at < 0 ? [] : [all[at]], this.#range, 1);
  }
}

/**
 * Lights places up, as call.css has it for `::highlight(name)`: no element is made for it. Browsers that know nothing of
 * that show the same without.
 *
 * @param {string} name
 * @param {Place[]} places
 * @param {(place: Place) => AbstractRange | null} range
 * @param {number} [priority] of two in the same place, the higher counts
 */
export function light(name, places, range, priority = 0) {
  if (!("highlights" in CSS)) return;
  const lit = new Highlight(...places.map(range).filter((each) => each !== null));
  lit.priority = priority;
  CSS.highlights.set(name, lit);
}

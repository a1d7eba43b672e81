/**
 * The transcript on the screen: a row for each final with its time, and the same said to screen readers.
 *
 * Knows nothing of sessions. Rows out of sight cost no layout (`content-visibility`).
 */

import { clock } from "./clock.js";
import { element } from "./dom.js";

/** @typedef {import("../js/steno.js").FinalEvent} Final */

/** How near its end, in pixels, the list is taken to be followed. */
const NEAR = 48;
/** How many finals are left for a screen reader to go back to. */
const SAID = 3;

export class TranscriptView {
  /** @type {Final[]} */
  #due = [];
  #frame = 0;
  /** Which one spoke last. @type {number | null} */
  #channel = null;
  #list;
  #scroller;
  #announcer;

  /** @param {HTMLElement} list @param {HTMLElement} scroller  around it @param {HTMLElement} announcer  a live region */
  constructor(list, scroller, announcer) {
    this.#list = list;
    this.#scroller = scroller;
    this.#announcer = announcer;
  }

  /** @param {Final} final */
  add(final) {
    this.#due.push(final);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const scroller = this.#scroller;
    const followed = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    for (const final of this.#due) {
      this.#list.append(row(final, this.#channel !== null && final.channel !== this.#channel));
      this.#channel = final.channel;
    }
    this.#announcer.append(...this.#due.slice(-SAID).map((final) => element("p", { textContent: final.text })));
    while (this.#announcer.children.length > SAID) this.#announcer.firstElementChild?.remove();
    this.#due = [];
    if (followed) scroller.scrollTop = scroller.scrollHeight;
  }
}

/** @param {Final} final @param {boolean} turn  whether another channel spoke before */
function row(final, turn) {
  const time = element("time", { textContent: clock(final.start), dateTime: `PT${final.start}S` });
  const text = element("p", { textContent: turn ? `– ${final.text}` : final.text, dir: "auto" });
  if (final.language) text.lang = final.language;
  return element("li", {}, time, text);
}

/**
 * The turns of a call on the screen, as a column to be read.
 *
 * Knows nothing of sessions and rules. A segment's stable text is one text node that only grows, so that no stable word
 * moves and ranges in it stay good; turns out of sight cost no layout (`content-visibility`).
 */

import { clock } from "./clock.js";
import { element } from "./dom.js";

/** @typedef {import("./turns.js").Turn} Turn @typedef {import("./transcript.js").Segment} Segment */

/** How near its end, in pixels, the column is taken to be followed. */
const NEAR = 64;

/** A segment's place on the screen. */
class Said {
  constructor() {
    this.stable = document.createTextNode("");
    this.unstable = document.createTextNode("");
    this.element = element("span", {}, this.stable, element("span", { className: "unstable" }, this.unstable), " ");
  }

  /** @param {Segment} segment */
  show({ stable, unstable }) {
    const shown = this.stable.data;
    if (stable.startsWith(shown)) this.stable.appendData(stable.slice(shown.length));
    else this.stable.data = stable;
    this.unstable.data = unstable;
  }
}

/** A turn on the screen: the segments it was last shown with, and its elements. */
class Shown {
  /** @type {number[]} */
  ids = [];

  /** @param {Turn} turn @param {string} name */
  constructor(turn, name) {
    this.name = element("b", { className: "name", textContent: name });
    this.tag = element("span", { className: "tag" });
    this.time = element("time");
    this.text = element("p", { className: "text", dir: "auto" });
    const head = element("p", { className: "head" }, this.name, this.time, this.tag);
    this.element = element("li", {}, head, this.text);
    this.element.dataset.side = String(turn.channel);
  }
}

export class ConversationView {
  /** @type {Shown[]} */
  #shown = [];
  /** @type {Map<number, Said>} */
  #said = new Map();
  #list;
  #scroller;
  #latest;
  #names = ["", ""];
  #followed = true;
  #top = 0;

  /** @param {HTMLElement} list @param {HTMLElement} scroller @param {HTMLButtonElement} latest leads to the end */
  constructor(list, scroller, latest) {
    this.#list = list;
    this.#scroller = scroller;
    this.#latest = latest;
    // Not every scroll is someone's: the column also moves when something grows or shrinks.
    scroller.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = scroller;
      if (scrollHeight - scrollTop - clientHeight < NEAR) this.#follow(true);
      else if (scrollTop < this.#top) this.#follow(false);
      this.#top = scrollTop;
    });
    const resized = new ResizeObserver(() => this.keepUp());
    for (const each of [list, scroller]) resized.observe(each);
    latest.addEventListener("click", () => {
      this.#follow(true);
      this.keepUp();
    });
  }

  clear() {
    this.#shown = [];
    this.#said.clear();
    this.#list.replaceChildren();
    this.#follow(true);
  }

  /** @param {string[]} names of the sides */
  call(names) {
    this.#names = names;
    for (const { element, name } of this.#shown) name.textContent = names[Number(element.dataset.side)];
  }

  /**
   * Shows turns, of whose segments those in `changed` are new or different.
   *
   * @param {Turn[]} turns
   * @param {Set<number>} changed
   * @param {Set<number>} broken when interruptions began, in seconds
   * @returns {Turn[]} those that have changed on the screen
   */
  show(turns, changed, broken) {
    /** @type {Turn[]} */
    const redone = [];
    turns.forEach((turn, index) => {
      const ids = turn.segments.map(({ id }) => id);
      let shown = this.#shown[index];
      if (shown?.element.dataset.side !== String(turn.channel)) {
        shown = new Shown(turn, this.#names[turn.channel]);
        this.#list.insertBefore(shown.element, this.#shown[index]?.element ?? null);
        this.#shown.splice(index, 0, shown);
      } else if (String(shown.ids) === String(ids) && !ids.some((id) => changed.has(id))) {
        return;
      }
      this.#fill(shown, turn, ids, broken);
      redone.push(turn);
    });
    for (const { element } of this.#shown.splice(turns.length)) element.remove();
    if (redone.length) this.keepUp();
    return redone;
  }

  /** @param {Shown} shown @param {Turn} turn @param {number[]} ids @param {Set<number>} broken */
  #fill(shown, turn, ids, broken) {
    shown.time.textContent = clock(turn.start);
    shown.time.dateTime = `PT${turn.start}S`;
    shown.tag.textContent = broken.has(turn.start) ? "broke in" : "";
    const parts = turn.segments.map((segment) => {
      const said = this.#said.get(segment.id) ?? new Said();
      this.#said.set(segment.id, said);
      said.show(segment);
      return said.element;
    });
    if (String(shown.ids) !== String(ids)) shown.text.replaceChildren(...parts);
    shown.ids = ids;
  }

  /** Where a part of a segment's stable text is. @param {import("./rules.js").Place} place @returns {StaticRange | null} */
  range({ segment, start, end }) {
    const node = this.#said.get(segment)?.stable;
    if (!node?.isConnected || end > node.length) return null;
    return new StaticRange({ startContainer: node, startOffset: start, endContainer: node, endOffset: end });
  }

  /** @param {AbstractRange} range */
  reveal(range) {
    range.startContainer.parentElement?.closest("li")?.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  /** Shows the turn that was going on then. @param {number} seconds @param {Turn[]} turns as they were shown */
  revealTime(seconds, turns) {
    const index = Math.max(0, turns.findLastIndex(({ start }) => start <= seconds));
    this.#shown[index]?.element.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  /** Shows the end, unless someone reads further up. */
  keepUp() {
    if (this.#followed) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  /** @param {boolean} followed */
  #follow(followed) {
    this.#followed = followed;
    this.#latest.hidden = followed;
  }
}

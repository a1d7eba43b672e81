/**
 * The cards that rules have raised, on the screen: the newest first, said at once to screen readers, dismissed by hand.
 *
 * Knows nothing of how they are raised.
 */

import { clock } from "./clock.js";
import { element } from "./dom.js";

/**
 * @typedef {import("./rules.js").Card} Card
 * @typedef {{card: Card, dismissed: boolean, element: HTMLLIElement, who: HTMLElement, quote: HTMLElement}} Raised
 */

const SEVERITIES = { info: "Note", warning: "Take care", urgent: "Act now" };

export class CardList {
  /** In the order in which they were raised. @type {Raised[]} */
  raised = [];
  /** The latest dismissals, the newest last. @type {Raised[]} */
  #dismissed = [];
  #page;
  #text;
  #name;
  #reveal;

  /**
   * @param {{list: HTMLElement, title: HTMLElement, empty: HTMLElement, undo: HTMLElement, alarm: HTMLElement}} page
   * @param {object} call
   * @param {(card: Card) => string} call.text the words that raised a card
   * @param {(channel: number) => string} call.name of a side
   * @param {(card: Card) => void} call.reveal shows those words
   */
  constructor(page, { text, name, reveal }) {
    this.#page = page;
    this.#text = text;
    this.#name = name;
    this.#reveal = reveal;
    page.undo.addEventListener("click", () => this.#undo());
  }

  clear() {
    this.raised = [];
    this.#dismissed = [];
    this.#page.list.replaceChildren();
    this.#page.alarm.textContent = "";
    this.#count();
  }

  /** @param {Card} card */
  add(card) {
    const [who, quote] = [element("span"), element("q")];
    const dismiss = element("button", { type: "button", className: "quiet dismiss", textContent: "Dismiss" });
    dismiss.setAttribute("aria-label", `Dismiss ${card.rule}`);
    const show = element("button", { type: "button", className: "quiet where", title: "Show it in the conversation" }, quote);
    const item = element(
      "li",
      {},
      element(
        "div",
        { className: "head" },
        element("h3", { textContent: card.rule }),
        element("span", { className: "severity", textContent: SEVERITIES[card.severity] }),
        dismiss,
      ),
      element("p", { className: "hint", textContent: card.hint }),
      element("p", { className: "said" }, who, show),
    );
    item.dataset.severity = card.severity;
    const raised = { card, dismissed: false, element: item, who, quote };
    dismiss.addEventListener("click", () => this.#dismiss(raised, item.contains(document.activeElement)));
    show.addEventListener("click", () => this.#reveal(card));
    this.raised.push(raised);
    this.#page.list.prepend(item);
    /** @type {HTMLElement} */ (this.#page.list.parentElement).scrollTop = 0;
    this.#page.alarm.textContent = `${SEVERITIES[card.severity]}: ${card.rule}. ${card.hint}`;
    this.#count();
  }

  /** Shows who has raised each card, and with which words, as that is now: there may be more of them. */
  update() {
    for (const { card, dismissed, who, quote } of this.raised) {
      if (dismissed) continue;
      who.textContent = `${this.#name(card.channel)}, ${clock(card.at)} `;
      quote.textContent = this.#text(card);
    }
  }

  /** Dismisses the newest. @returns {boolean} whether there was one */
  dismissNewest() {
    const newest = this.raised.findLast(({ dismissed }) => !dismissed);
    if (newest) this.#dismiss(newest, newest.element.contains(document.activeElement));
    return newest !== undefined;
  }

  /** @param {Raised} raised @param {boolean} focused whether the focus has to go somewhere else */
  #dismiss(raised, focused) {
    const next = raised.element.nextElementSibling ?? raised.element.previousElementSibling;
    raised.dismissed = true;
    raised.element.remove();
    this.#dismissed.push(raised);
    this.#count();
    if (focused) /** @type {HTMLElement} */ (next?.querySelector(".dismiss") ?? this.#page.title).focus();
  }

  #undo() {
    const raised = this.#dismissed.pop();
    if (!raised) return;
    raised.dismissed = false;
    const older = this.raised.slice(0, this.raised.indexOf(raised)).findLast(({ dismissed }) => !dismissed);
    this.#page.list.insertBefore(raised.element, older?.element ?? null);
    this.update();
    this.#count();
    /** @type {HTMLElement} */ (raised.element.querySelector(".dismiss")).focus();
  }

  #count() {
    this.#page.empty.hidden = this.#page.list.childElementCount > 0;
    this.#page.undo.hidden = this.#dismissed.length === 0;
  }
}

/**
 * The captions on the screen: lines of words, each in a box, that move up as new ones come.
 *
 * Knows nothing of sessions. All changes of a frame are made at once, and lines that have left the screen leave the page.
 */

import { Lines } from "./lines.js";

/** @typedef {import("./transcript.js").Segment} Segment */

/** How many lines above the screen are kept, in case it becomes higher. */
const SPARE = 12;
/** How many segments are laid out anew when the width changes: more than a screen holds. */
const KEPT = 40;
const KNOWN_WORDS = 5_000;

export class CaptionView {
  /** @type {Map<number, HTMLElement>} */
  #elements = new Map();
  /** @type {Map<number, Segment>} */
  #recent = new Map();
  /** @type {Map<number, Segment>} */
  #due = new Map();
  #frame = 0;
  #bottom = 0;
  #width = 0;
  #height = 0;
  #font = "";
  #lineHeight = 1;
  #lines = new Lines(0, () => 0);
  #sheet = newSheet();
  #area;

  /** @param {HTMLElement} area  is filled from its lower edge up; its font is that of the captions */
  constructor(area) {
    this.#area = area;
    area.append(this.#sheet);
    new ResizeObserver(() => this.#resize()).observe(area);
    this.#resize();
  }

  /** Shows a segment as it is now, with the next frame. @param {Segment} segment */
  show(segment) {
    this.#due.set(segment.id, segment);
    // A tab in the background has no frames, for hours maybe.
    trim(this.#due);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    for (const segment of this.#due.values()) {
      this.#recent.set(segment.id, segment);
      this.#lines.update(segment);
    }
    this.#due.clear();
    trim(this.#recent);
    this.#bottom = Math.max(this.#bottom, this.#lines.rows);
    const first = this.#bottom - Math.ceil(this.#height / this.#lineHeight) - SPARE;
    this.#lines.forget(first);
    this.#render(first);
    this.#sheet.style.transform = `translateY(${-this.#bottom * this.#lineHeight}px)`;
  }

  /** @param {number} first */
  #render(first) {
    const lines = this.#lines.from(first);
    const shown = new Set(lines.map((line) => line.row));
    for (const [row, element] of this.#elements) {
      if (shown.has(row)) continue;
      element.remove();
      this.#elements.delete(row);
    }
    for (const { row, words } of lines) fill(this.#elements.get(row) ?? this.#add(row), words);
  }

  /** @param {number} row */
  #add(row) {
    const element = document.createElement("p");
    element.className = "line";
    element.dir = "auto";
    element.style.top = `${row * this.#lineHeight}px`;
    this.#elements.set(row, element);
    this.#sheet.append(element);
    return element;
  }

  /** Another width, or another size of type: what is on the screen is laid out anew. */
  #resize() {
    const style = getComputedStyle(this.#area);
    const font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const width = this.#area.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    this.#height = this.#area.clientHeight;
    if (width === this.#width && font === this.#font) return;
    this.#width = width;
    this.#font = font;
    this.#lineHeight = parseFloat(style.lineHeight);
    this.#lines = new Lines(width, ruler(font));
    this.#bottom = 0;
    this.#elements.clear();
    // A new one, as the old one would move to its new place.
    const sheet = newSheet();
    this.#sheet.replaceWith(sheet);
    this.#sheet = sheet;
    this.#due = new Map([...this.#recent, ...this.#due]);
    this.#draw();
  }
}

/** Leaves the latest. @param {Map<number, Segment>} segments */
function trim(segments) {
  for (const id of segments.keys()) {
    if (segments.size <= KEPT) return;
    segments.delete(id);
  }
}

function newSheet() {
  return Object.assign(document.createElement("div"), { className: "sheet" });
}

/** Measures text in a font; words come again and again. @param {string} font @returns {(text: string) => number} */
function ruler(font) {
  const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  pen.font = font;
  /** @type {Map<string, number>} */
  const known = new Map();
  return (text) => {
    const width = known.get(text) ?? pen.measureText(text).width;
    if (known.size >= KNOWN_WORDS) known.clear();
    known.set(text, width);
    return width;
  };
}

/**
 * Makes a line show these words. Boxes of words that are the same as before are left alone.
 *
 * @param {HTMLElement} line @param {import("./lines.js").Word[]} words
 */
function fill(line, words) {
  while (line.children.length > words.length) line.lastElementChild?.remove();
  words.forEach((word, i) => {
    const box = line.children[i] ?? line.appendChild(document.createElement("span"));
    const before = i > 0 && word.spaced ? " " : "";
    const said = `${before}${word.text.slice(0, word.stable)}`;
    const open = word.text.slice(word.stable);
    if (box.firstChild?.nodeValue === said && (box.lastElementChild?.textContent ?? "") === open) return;
    box.className = "word";
    box.replaceChildren(said, ...(open ? [faint(open)] : []));
  });
}

/** @param {string} text */
function faint(text) {
  return Object.assign(document.createElement("span"), { className: "faint", textContent: text });
}

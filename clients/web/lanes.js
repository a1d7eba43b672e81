/**
 * The time line: a lane for each side, drawn to scale, with where both talk at once and where cards were raised.
 *
 * Knows nothing of sessions. It is a drawing of what the conversation has as text; colours come from call.css.
 */

import { clock } from "./clock.js";

/** @typedef {import("./transcript.js").Segment} Segment @typedef {import("./turns.js").Span} Span */

/** How much of a call that goes on is in sight, in seconds. */
const RECENT_S = 60;
const LEAST_S = 10;
/** CSS pixels: between lanes, and for the figures below them. */
const GAP = 6;
const AXIS = 20;
/** Seconds between figures, of which the first that leaves them room is taken. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const ROOM = 72;

export class Lanes {
  /** @type {{segments: Segment[], overlaps: Span[], cards: {at: number, severity: string}[], now: number}} */
  #shown = { segments: [], overlaps: [], cards: [], now: 0 };
  #whole = false;
  #frame = 0;
  #canvas;

  /** @param {HTMLCanvasElement} canvas @param {(seconds: number) => void} onpick gets the time that was clicked */
  constructor(canvas, onpick) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#due()).observe(canvas);
    new MutationObserver(() => this.#due()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    canvas.addEventListener("click", ({ offsetX }) => {
      const [from, to] = this.#window();
      onpick(from + ((to - from) * offsetX) / canvas.clientWidth);
    });
  }

  /** Whether all of the call is in sight, and not only its end. */
  get whole() {
    return this.#whole;
  }

  set whole(whole) {
    this.#whole = whole;
    this.#due();
  }

  /**
   * @param {Segment[]} segments in order
   * @param {Span[]} overlaps
   * @param {{at: number, severity: string}[]} cards
   * @param {number} now how far the call is, in seconds
   */
  show(segments, overlaps, cards, now) {
    this.#shown = { segments, overlaps, cards, now };
    this.#due();
  }

  #due() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** From when to when is in sight. @returns {[number, number]} */
  #window() {
    const { now } = this.#shown;
    if (this.#whole) return [0, Math.max(LEAST_S, now)];
    const from = Math.max(0, now - RECENT_S);
    return [from, from + RECENT_S];
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const pen = this.#canvas.getContext("2d");
    if (!pen || !width) return;
    const scale = devicePixelRatio;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    pen.scale(scale, scale);
    const style = getComputedStyle(this.#canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const [from, to] = this.#window();
    const x = (/** @type {number} */ seconds) => ((seconds - from) / (to - from)) * width;
    const lane = (height - AXIS - GAP) / 2;
    const bottom = 2 * lane + GAP;

    this.#drawAxis(pen, colour, style.fontFamily, x, width, bottom, [from, to]);
    for (const top of [0, lane + GAP]) {
      pen.fillStyle = colour("lane");
      pen.fillRect(0, top, width, lane);
    }
    pen.fillStyle = colour("overlap");
    for (const { start, end } of this.#shown.overlaps) {
      if (end >= from && start <= to) pen.fillRect(x(start), 0, Math.max(2, x(end) - x(start)), bottom);
    }
    for (const { channel, start, end, over } of this.#shown.segments) {
      if (end < from || start > to) continue;
      pen.fillStyle = colour(`side-${channel}`);
      pen.globalAlpha = over ? 1 : 0.6;
      pen.beginPath();
      pen.roundRect(x(start), channel * (lane + GAP) + 3, Math.max(2, x(end) - x(start)), lane - 6, 3);
      pen.fill();
    }
    pen.globalAlpha = 1;
    for (const { at, severity } of this.#shown.cards) {
      if (at < from || at > to) continue;
      pen.fillStyle = colour(severity);
      pen.fillRect(x(at) - 1, 0, 2, bottom);
      pen.beginPath();
      pen.moveTo(x(at) - 6, 0);
      pen.lineTo(x(at) + 6, 0);
      pen.lineTo(x(at), 9);
      pen.fill();
    }
    pen.fillStyle = colour("text");
    pen.fillRect(Math.min(x(this.#shown.now), width - 1), 0, 1, bottom);
    this.#canvas.setAttribute("aria-label", `Who talked when, from ${clock(from)} to ${clock(Math.min(to, this.#shown.now))}`);
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {(name: string) => string} colour
   * @param {string} font
   * @param {(seconds: number) => number} x
   * @param {number} width
   * @param {number} bottom of the lanes
   * @param {[number, number]} window
   */
  #drawAxis(pen, colour, font, x, width, bottom, [from, to]) {
    const step = STEPS.find((each) => (each / (to - from)) * width >= ROOM) ?? 7200;
    pen.font = `11px ${font}`;
    pen.textBaseline = "bottom";
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      pen.fillStyle = colour("line");
      pen.fillRect(Math.round(x(at)), bottom, 1, 5);
      pen.fillStyle = colour("soft");
      const text = clock(at);
      const wide = pen.measureText(text).width;
      pen.fillText(text, Math.min(Math.max(0, x(at) - wide / 2), width - wide), bottom + AXIS);
    }
  }
}

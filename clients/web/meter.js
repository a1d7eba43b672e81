/**
 * The level of what is heard, as a bar.
 *
 * Knows nothing of where the sound comes from.
 */

/** What is below is as good as silence, in dBFS. */
const FLOOR_DB = -60;
/** So long nothing but silence, in ms, and something is wrong with the microphone. */
const PATIENCE_MS = 5_000;

export class Meter {
  #level = 0;
  #frame = 0;
  #heard = performance.now();
  #bar;

  /** @param {HTMLElement} bar  is scaled from 0 to its full width */
  constructor(bar) {
    this.#bar = bar;
  }

  /** Whether nothing has been heard for so long that the user should know. */
  get silent() {
    return performance.now() - this.#heard > PATIENCE_MS;
  }

  /** Begins anew: what was silent before doesn't count. */
  reset() {
    this.#heard = performance.now();
    this.show(0);
  }

  /** @param {number} peak  full scale is 1 */
  show(peak) {
    const decibels = 20 * Math.log10(Math.max(peak, 1e-6));
    if (decibels > FLOOR_DB) this.#heard = performance.now();
    this.#level = Math.max(0, 1 - decibels / FLOOR_DB);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#bar.style.transform = `scaleX(${this.#level.toFixed(3)})`;
    });
  }
}

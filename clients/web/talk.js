/**
 * How much each side talks, in figures and as a bar.
 *
 * Knows nothing of how that is found out.
 */

import { clock } from "./clock.js";
import { element } from "./dom.js";

/** @param {number} count @param {string} one @param {string} many */
function counted(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * @param {{share: HTMLElement, figures: HTMLElement}} page
 * @param {import("./turns.js").Statistics} statistics
 * @param {string[]} names of the sides
 */
export function showTalk({ share, figures }, { sides, overlap_s, silence_s }, names) {
  const talked = sides.map((side) => Math.round(100 * side.share));
  sides.forEach((side, index) => {
    /** @type {HTMLElement} */ (share.children[index]).style.flexGrow = String(side.share);
  });
  const shares = names.map((name, index) => `${name} ${talked[index]} %`);
  share.setAttribute("aria-label", shares.join(", "));
  const rows = sides.map(({ talk_s, turns, interruptions }, index) => [
    names[index],
    `${talked[index]} %`,
    [clock(talk_s), counted(turns, "turn", "turns"), counted(interruptions, "interruption", "interruptions")].join(" · "),
  ]);
  rows.push(["Both at once", clock(overlap_s), ""], ["Silence", clock(silence_s), ""]);
  figures.replaceChildren(
    ...rows.map(([name, figure, more], index) => {
      const row = element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: figure }));
      if (more) row.append(element("dd", { className: "more", textContent: more }));
      if (index < 2) row.dataset.side = String(index);
      return row;
    }),
  );
}

/**
 * A call as a document, to be kept: what was said, which cards it raised, and how much each side talked.
 *
 * Pure: knows nothing of the page.
 */

import { statistics, turns } from "./turns.js";

/**
 * What a downloaded call holds. Times are seconds since the call began; speakers are 0, the caller, and 1, the agent.
 *
 * @typedef {object} Record
 * @property {"steno-call-1"} format
 * @property {string | null} session its id at the server
 * @property {string | null} model
 * @property {boolean} complete whether the call had ended, and was followed from its beginning
 * @property {string[]} speakers their names
 * @property {RecordedTurn[]} turns
 * @property {RecordedCard[]} cards
 * @property {import("./turns.js").Statistics} statistics
 *
 * @typedef {object} RecordedTurn
 * @property {number} speaker
 * @property {number} start
 * @property {number} end
 * @property {string} text
 * @property {import("../js/steno.js").Word[] | null} words null where the session was not asked for them
 *
 * @typedef {object} RecordedCard
 * @property {string} rule
 * @property {"info" | "warning" | "urgent"} severity
 * @property {string} hint
 * @property {number} speaker
 * @property {number} at
 * @property {string} text the words that raised it
 * @property {boolean} dismissed
 */

/**
 * Only what is final is in it.
 *
 * @param {{session: string | null, model: string | null, complete: boolean, speakers: string[], duration: number}} about
 * @param {import("./turns.js").Segment[]} segments in order
 * @param {import("../js/steno.js").FinalEvent[]} finals
 * @param {(import("./rules.js").Card & {text: string, dismissed: boolean})[]} cards
 * @returns {Record}
 */
export function callRecord({ session, model, complete, speakers, duration }, segments, finals, cards) {
  const said = segments.filter(({ over }) => over);
  const words = new Map(finals.map((final) => [final.segment, final.words]));
  return {
    format: "steno-call-1",
    session,
    model,
    complete,
    speakers,
    turns: turns(said).map(({ channel, start, end, segments }) => {
      const listed = segments.map(({ id }) => words.get(id));
      const text = segments.map(({ stable }) => stable).join(" ");
      const known = listed.every((each) => each !== undefined) ? listed.flat() : null;
      return { speaker: channel, start, end, text, words: known };
    }),
    cards: cards.map(({ rule, severity, hint, channel, at, text, dismissed }) => {
      return { rule, severity, hint, speaker: channel, at, text, dismissed };
    }),
    statistics: statistics(said, duration),
  };
}

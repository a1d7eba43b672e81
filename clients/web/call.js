/**
 * The call page: both sides of a call from a recording, from two devices, or of a session that goes on.
 *
 * Knows nothing of how a call is understood or shown: that is up to the model and to the views.
 */

import { watch } from "../js/steno.js";
import { vtt } from "../js/subtitles.js";
import { askAgain } from "./askagain.js";
import { CallModel } from "./callmodel.js";
import { NO_RULES, loadRules } from "./callrules.js";
import { CallSession, devices } from "./callsession.js";
import { CallSetup } from "./callsetup.js";
import { CardList } from "./cards.js";
import { ConversationView } from "./conversation.js";
import { find } from "./dom.js";
import { download, fileName } from "./download.js";
import { storedKey, takeToken } from "./key.js";
import { Lanes } from "./lanes.js";
import { Recording } from "./recording.js";
import { Search, light } from "./search.js";
import { Delay, live, reconnecting, trouble } from "./status.js";
import { showTalk } from "./talk.js";
import { themeButton } from "./theme.js";
import { interruptions, overlaps, statistics, turns } from "./turns.js";

const WATCH_RECONNECT_S = 120;
/** How often figures change, in ms: faster nobody reads them. */
const FIGURES_MS = 500;
const SEVERITIES = ["info", "warning", "urgent"];

const status = find("status", HTMLElement);
const state = find("state", HTMLElement);
const [settingUp, calling, controls] = ["setting-up", "calling", "controls"].map((id) => find(id, HTMLElement));
const [mute, pause, stop] = ["mute", "pause", "stop"].map((id) => find(id, HTMLButtonElement));
const [json, subtitles, whole] = ["json", "vtt", "whole"].map((id) => find(id, HTMLButtonElement));
const names = [find("caller", HTMLInputElement), find("agent", HTMLInputElement)];
const page = { share: find("share", HTMLElement), figures: find("figures", HTMLElement) };
const query = find("query", HTMLInputElement);

/** What goes on. @type {"setup" | "starting" | "live" | "paused" | "stopping" | "watching" | "over"} */
let mode = "setup";
let call = new CallModel(NO_RULES);
/** @type {CallSession | null} */
let session = null;
/** @type {import("../js/steno.js").Viewer | null} */
let viewer = null;
let delay = new Delay();
let behind = false;
/** @type {import("./turns.js").Turn[]} */
let taken = [];
let frame = 0;
let figuresDue = 0;

const setup = new CallSetup();
const conversation = new ConversationView(
  find("turns", HTMLElement),
  find("scroller", HTMLElement),
  find("latest", HTMLButtonElement),
);
const cards = new CardList(
  {
    list: find("cards", HTMLElement),
    title: find("cards-title", HTMLElement),
    empty: find("no-cards", HTMLElement),
    undo: find("undo", HTMLElement),
    alarm: find("alarm", HTMLElement),
  },
  { text: ({ places }) => call.text(places), name: (side) => called()[side], reveal: ({ places }) => reveal(places[0]) },
);
const search = new Search(
  {
    query,
    hits: find("hits", HTMLElement),
    previous: find("previous", HTMLButtonElement),
    next: find("next", HTMLButtonElement),
  },
  (place) => conversation.range(place),
  (range) => conversation.reveal(range),
);
const lanes = new Lanes(find("lanes", HTMLCanvasElement), (seconds) => conversation.revealTime(seconds, taken));

/** Names of the sides. */
function called() {
  return names.map((input) => input.value.trim() || input.defaultValue);
}

/** @param {import("./rules.js").Place} place */
function reveal(place) {
  const range = conversation.range(place);
  if (range) conversation.reveal(range);
}

/** @param {typeof mode} next */
function enter(next) {
  mode = next;
  const over = mode === "over";
  settingUp.hidden = mode !== "setup";
  calling.hidden = controls.hidden = mode === "setup";
  const sound = over ? null : session?.sound;
  const played = sound instanceof Recording && sound.played;
  pause.hidden = !sound || (sound instanceof Recording && !played);
  pause.textContent = mode === "paused" ? "Go on" : "Pause";
  pause.disabled = mode === "stopping";
  mute.hidden = !played;
  stop.textContent = over ? "New call" : mode === "watching" ? "Leave" : "Stop";
  stop.disabled = mode === "starting" || mode === "stopping";
}

/**
 * Says how things stand. `announced`: what a screen reader says, which need not be each new figure.
 *
 * @param {import("./status.js").Tone} tone @param {string} text
 */
function say(tone, text, announced = text) {
  status.textContent = text;
  status.dataset.tone = tone;
  if (state.textContent !== announced) state.textContent = announced;
}

function sayLive() {
  const lacking = call.missed ? "; its beginning is no longer kept" : call.crowded ? " the first two channels" : "";
  if (mode === "watching") say("live", `Watching${lacking}`);
  else if (mode === "live") say("live", live(delay.median, behind), live(null, behind));
}

/** @param {import("./transcript.js").Event} event */
function hear(event) {
  const known = call.duration;
  for (const card of call.apply(event)) cards.add(card);
  if (session && (event.type === "partial" || event.type === "final") && event.end > known) {
    delay.add(session.position - event.end);
  }
  if (event.type === "warning" && event.code.startsWith("behind")) behind = event.code === "behind";
  if (event.type === "reconnecting") say("waiting", reconnecting(event), "Reconnecting");
  else if (event.type === "going_away") say("waiting", "The server is about to stop");
  else if (event.type !== "ack") sayLive();
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const { segments, changed } = call;
  taken = turns(segments);
  const broken = new Set(interruptions(segments).map(({ at }) => at));
  const redone = conversation.show(taken, changed, broken);
  changed.clear();
  find("nothing", HTMLElement).hidden = taken.length > 0;
  json.disabled = subtitles.disabled = call.finals.length === 0;
  search.update(taken, redone);
  cards.update();
  for (const severity of SEVERITIES) {
    const places = cards.raised.filter(({ card }) => card.severity === severity).flatMap(({ card }) => card.places);
    light(severity, places, (place) => conversation.range(place));
  }
  lanes.show(segments, overlaps(segments), cards.raised.map(({ card }) => card), now());
  figuresDue ||= setTimeout(figures, FIGURES_MS);
}

function figures() {
  figuresDue = 0;
  showTalk(page, statistics(call.segments, now()), called());
}

/** How far the call is, in seconds. */
function now() {
  return Math.max(call.duration, session?.position ?? 0);
}

/** Shows a call from its beginning to its end; `open` begins it. @param {() => Promise<AsyncIterable<any>>} open */
async function follow(open) {
  enter("starting");
  say("waiting", "Connecting…");
  try {
    begin(await loadRules(find("rules", HTMLElement)));
    const events = await open();
    enter(session ? "live" : "watching");
    sayLive();
    for await (const event of events) hear(event);
    say("idle", session || viewer ? "The call is over" : "You have left the call");
    enter("over");
  } catch (error) {
    session = null;
    if (await askAgain(error)) return await follow(open);
    say("wrong", trouble(error));
    if (call.segments.length) return enter("over");
    enter("setup");
    setup.complain(trouble(error));
  } finally {
    session = viewer = null;
  }
}

/** A new call, with these rules. @param {any} rules */
function begin(rules) {
  call = new CallModel(rules);
  delay = new Delay();
  behind = false;
  conversation.clear();
  cards.clear();
  query.value = "";
  draw();
  figures();
}

/** @param {string} name */
function watching(name) {
  return follow(async () => {
    viewer = await watch(location.origin, name, { key: storedKey() || undefined, reconnect_s: WATCH_RECONNECT_S });
    return viewer;
  });
}

/** @param {() => Promise<import("./callsession.js").Sound>} sound */
function listening(sound) {
  return follow(async () => {
    session = await CallSession.open(await sound(), setup.options);
    return session.events();
  });
}

/** Lists what there is to choose from. @returns {Promise<void>} */
async function prepare() {
  try {
    await setup.list();
    say("idle", "Ready");
  } catch (error) {
    if (await askAgain(error)) return prepare();
    say("wrong", trouble(error));
  }
}

setup.onstart = (kind) => {
  if (kind === "watch") return watching(setup.session);
  return listening(() => (kind === "devices" ? devices(setup.devices) : Recording.load(setup.file, setup.played)));
};
setup.onlist = prepare;

stop.addEventListener("click", () => {
  if (mode === "over") {
    enter("setup");
    void prepare();
  } else if (viewer) {
    const left = viewer;
    viewer = null;
    left.close();
  } else {
    enter("stopping");
    say("waiting", "Finishing…");
    void session?.sound.stop();
  }
});

pause.addEventListener("click", () => {
  if (mode === "live") {
    session?.sound.pause();
    enter("paused");
    say("idle", "Paused");
  } else {
    session?.sound.resume();
    enter("live");
    sayLive();
  }
});

mute.addEventListener("click", () => {
  const sound = session?.sound;
  if (sound instanceof Recording) sound.muted = !sound.muted;
  mute.setAttribute("aria-pressed", String(sound instanceof Recording && sound.muted));
});

whole.addEventListener("click", () => {
  lanes.whole = !lanes.whole;
  whole.setAttribute("aria-pressed", String(lanes.whole));
});

for (const input of names) {
  input.addEventListener("input", () => {
    conversation.call(called());
    cards.update();
    figures();
  });
}

json.addEventListener("click", () => {
  const record = call.record(called(), cards.raised);
  download(fileName("call", "json"), "application/json", `${JSON.stringify(record, null, 1)}\n`);
});
subtitles.addEventListener("click", () => download(fileName("call", "vtt"), "text/vtt", vtt(call.finals, called())));

addEventListener("keydown", (event) => {
  if (calling.hidden || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") cards.dismissNewest();
  else if (event.key === "k" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    query.select();
  }
});

addEventListener("beforeunload", (event) => {
  if (session) event.preventDefault();
});

takeToken();
themeButton(find("theme", HTMLElement));
conversation.call(called());
const watched = new URLSearchParams(location.search).get("watch");
void (watched ? watching(watched) : prepare());

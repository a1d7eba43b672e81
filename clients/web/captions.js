/**
 * The captions page: sound of this device, or a session of somebody else's, as captions and as a transcript.
 *
 * Knows nothing of layout: how it is shown is up to the views.
 */

import { watch } from "../js/steno.js";
import { srt, txt, vtt } from "../js/subtitles.js";
import { askAgain } from "./askagain.js";
import { CaptionView } from "./captionview.js";
import { Choices } from "./choices.js";
import { element, find } from "./dom.js";
import { copy, download, fileName } from "./download.js";
import { storedKey, takeToken } from "./key.js";
import { Listening } from "./listening.js";
import { Meter } from "./meter.js";
import { becomeOverlay } from "./overlay.js";
import { share } from "./share.js";
import { Delay, live, reconnecting, trouble } from "./status.js";
import { themeButton } from "./theme.js";
import { Transcript } from "./transcript.js";
import { TranscriptView } from "./transcriptview.js";

const WATCH_RECONNECT_S = 120;

const query = new URLSearchParams(location.search);
const watched = query.get("watch");
const overlay = query.get("overlay") === "1";

const start = find("start", HTMLButtonElement);
const pause = find("pause", HTMLButtonElement);
const sharing = find("share", HTMLButtonElement);
const exports = ["copy", "txt", "srt", "vtt"].map((id) => find(id, HTMLButtonElement));
const selects = {
  source: find("source", HTMLSelectElement),
  language: find("language", HTMLSelectElement),
  model: find("model", HTMLSelectElement),
};
const status = find("status", HTMLElement);
const state = find("state", HTMLElement);
const notice = find("notice", HTMLElement);
const intro = find("intro", HTMLElement);
const captions = new CaptionView(find("captions", HTMLElement));
const rows = new TranscriptView(find("said", HTMLElement), find("scroller", HTMLElement), find("announcer", HTMLElement));
const meter = new Meter(find("level", HTMLElement));
const choices = new Choices(selects, query);
const listening = new Listening();
const transcript = new Transcript();

/** What goes on. @type {"preparing" | "idle" | "starting" | "live" | "paused" | "stopping" | "watching"} */
let mode = "preparing";
let delay = new Delay();
/** Where the latest word ended, in seconds. */
let latest = 0;
let behind = false;
let silent = false;
/** Keeps the screen from going dark. @type {WakeLockSentinel | null} */
let awake = null;

/** @param {typeof mode} next */
function enter(next) {
  mode = next;
  const running = mode === "live" || mode === "paused";
  start.textContent = running || mode === "stopping" ? "Stop" : "Start";
  // Not disabled, so that the keyboard's focus stays.
  start.ariaDisabled = String(mode === "preparing" || mode === "starting" || mode === "stopping");
  pause.disabled = !running;
  pause.textContent = mode === "paused" ? "Go on" : "Pause";
  sharing.disabled = !running;
  for (const select of Object.values(selects)) select.disabled = mode !== "idle";
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
  notice.hidden = tone !== "wrong";
  notice.textContent = text;
}

/** Says what is about to happen, in captions of its own. @param {string} stable @param {string} unstable */
function introduce(stable, unstable) {
  intro.replaceChildren(stable, element("span", { className: "faint", textContent: unstable }));
  intro.hidden = false;
}

function sayLive() {
  if (silent) say("live", "Live, but nothing is heard: is the microphone on?");
  else say("live", live(delay.median, behind), live(null, behind));
}

/** @param {import("./transcript.js").Event} event  of the session, or of the one that is watched */
export function show(event) {
  for (const segment of transcript.apply(event)) {
    captions.show(segment);
    intro.hidden = true;
  }
  if (event.type === "final") {
    rows.add(event);
    for (const button of exports) button.disabled = false;
  }
  if ((event.type === "partial" || event.type === "final") && event.end > latest) {
    latest = event.end;
    if (mode === "live") delay.add(listening.position - event.end);
  }
  if (event.type === "warning" && event.code.startsWith("behind")) behind = event.code === "behind";
  if (event.type === "reconnecting") say("waiting", reconnecting(event), "Reconnecting");
  else if (event.type === "going_away") say("waiting", "The server is about to stop");
  else if (mode === "stopping") say("waiting", "Finishing…");
  else if (event.type !== "ack" && (mode === "live" || mode === "watching")) sayLive();
}

/** @param {number} peak */
function hear(peak) {
  // What was captured just before a pause may come behind it.
  meter.show(mode === "paused" ? 0 : peak);
  if (meter.silent === silent) return;
  silent = meter.silent;
  if (mode === "live" && status.dataset.tone === "live") sayLive();
}

/** From here to the last final, or to what went wrong. */
async function listen() {
  enter("starting");
  say("waiting", "Waiting for the sound…");
  delay = new Delay();
  behind = false;
  try {
    await listening.open(choices.source, choices.options, hear);
    for (const segment of transcript.begin()) captions.show(segment);
    meter.reset();
    enter("live");
    sayLive();
    awake = (await navigator.wakeLock?.request("screen").catch(() => undefined)) ?? null;
    await choices.listSources();
    for await (const event of listening.events()) show(event);
    say("idle", "Stopped");
  } catch (error) {
    if (await needsKey(error)) return await listen();
    say(/** @type {any} */ (error).code === "sharing_ended" ? "idle" : "wrong", trouble(error));
  } finally {
    void awake?.release();
    meter.show(0);
    enter("idle");
  }
}

/** @param {string} name  of the session to follow */
async function follow(name) {
  enter("watching");
  say("waiting", "Looking for the session…");
  try {
    const viewer = await watch(location.origin, name, {
      key: storedKey() || undefined,
      reconnect_s: WATCH_RECONNECT_S,
    });
    introduce("", "Waiting for the next words…");
    say("live", "Watching");
    for await (const event of viewer) show(event);
    say("idle", "The session is over");
  } catch (error) {
    if (await needsKey(error)) return follow(name);
    say("wrong", trouble(error));
  }
}

/** Lists what there is to choose from. @returns {Promise<boolean>} whether a session can be tried */
async function prepare() {
  try {
    await choices.listSources();
    await choices.listModels();
  } catch (error) {
    if (await needsKey(error)) return prepare();
    if (/** @type {any} */ (error).status !== 403) {
      enter("idle");
      say("wrong", trouble(error));
      return false;
    }
    // A token opens a session, and lists nothing.
    choices.leaveToServer();
  }
  enter("idle");
  say("idle", "Ready");
  return true;
}

/** Whether a key was wanted, and there is another one now; an overlay has nobody to ask. @param {any} error */
async function needsKey(error) {
  return !overlay && askAgain(error);
}

find("controls", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  if (mode === "idle") void listen();
  else if (mode === "live" || mode === "paused") {
    enter("stopping");
    say("waiting", "Finishing…");
    void listening.stop();
  }
});

pause.addEventListener("click", () => {
  if (mode === "live") {
    listening.pause();
    enter("paused");
    meter.show(0);
    say("idle", "Paused");
  } else {
    listening.resume();
    meter.reset();
    enter("live");
    sayLive();
  }
});

sharing.addEventListener("click", async () => {
  try {
    if (listening.session) await share(find("share-dialog", HTMLDialogElement), listening.session);
  } catch (error) {
    say("wrong", trouble(error));
  }
});

const [copying, ...downloads] = exports;
copying.addEventListener("click", async () => {
  copying.textContent = (await copy(txt(transcript.finals))) ? "Copied" : "Not allowed";
  setTimeout(() => (copying.textContent = "Copy"), 2_000);
});
const forms = { txt: { write: txt, type: "text/plain" }, srt: { write: srt, type: "application/x-subrip" }, vtt: { write: vtt, type: "text/vtt" } };
for (const button of downloads) {
  const { write, type } = forms[/** @type {keyof typeof forms} */ (button.id)];
  button.addEventListener("click", () => download(fileName("captions", button.id), type, write(transcript.finals)));
}

addEventListener("beforeunload", (event) => {
  if (mode === "live" || mode === "paused") event.preventDefault();
});

async function begin() {
  takeToken();
  themeButton(find("theme", HTMLElement));
  const wrong = overlay ? becomeOverlay(query) : [];
  if (wrong.length) say("wrong", wrong.join(" "));
  else if (watched) {
    document.documentElement.dataset.watching = "";
    await follow(watched);
  } else {
    introduce("Press Start and speak.", " Words turn solid once they won’t change any more.");
    // An overlay has nobody to press Start.
    if ((await prepare()) && overlay) await listen();
  }
}

void begin();

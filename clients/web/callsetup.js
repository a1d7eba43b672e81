/**
 * The form that a call is begun with: which call, and what of it.
 *
 * Knows nothing of sessions.
 */

import { ask } from "./api.js";
import { Choices, SHARED } from "./choices.js";
import { clock } from "./clock.js";
import { find } from "./dom.js";

/** @typedef {"recording" | "devices" | "watch"} Kind */

export class CallSetup {
  /** What begins a call. @type {(kind: Kind) => void} */
  onstart = () => {};
  /** What lists the choices, when someone wants to see them anew. @type {() => void} */
  onlist = () => {};
  #form = find("setup", HTMLFormElement);
  #start = find("start", HTMLButtonElement);
  #file = find("file", HTMLInputElement);
  #caller = find("caller-source", HTMLSelectElement);
  #agent = find("agent-source", HTMLSelectElement);
  #session = find("session", HTMLSelectElement);
  #choices = new Choices(
    { source: this.#caller, language: find("language", HTMLSelectElement), model: find("model", HTMLSelectElement) },
    new URLSearchParams(location.search),
  );

  constructor() {
    for (const radio of this.#form.querySelectorAll("input[name=kind]")) {
      radio.addEventListener("change", () => this.#choose());
    }
    find("refresh", HTMLButtonElement).addEventListener("click", () => this.onlist());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#start.ariaDisabled === "true") return;
      const missing = this.#missing();
      this.complain(missing);
      if (!missing) this.onstart(this.#kind);
    });
    this.#choose();
  }

  /** @returns {Kind} */
  get #kind() {
    return /** @type {Kind} */ (new FormData(this.#form).get("kind"));
  }

  /** Of the session: model and language. */
  get options() {
    return this.#choices.options;
  }

  /** @returns {File} */
  get file() {
    return /** @type {FileList} */ (this.#file.files)[0];
  }

  /** Whether the recording is played, or goes as fast as it can. */
  get played() {
    return find("pace", HTMLSelectElement).value === "play";
  }

  /** @returns {[string, string]} */
  get devices() {
    return [this.#caller.value, this.#agent.value];
  }

  /** The id of the session to watch. */
  get session() {
    return this.#session.value;
  }

  /** @param {string} what is wrong; "" for nothing */
  complain(what) {
    find("complaint", HTMLElement).textContent = what;
  }

  /** Lists models, devices and live sessions, as far as the key opens them. @throws {import("./api.js").Refused} */
  async list() {
    this.#start.ariaDisabled = "true";
    try {
      await this.#listDevices();
      await Promise.all([
        unlessForbidden(this.#listSessions(), () => this.#offer([])),
        unlessForbidden(this.#choices.listModels(), () => this.#choices.leaveToServer()),
      ]);
    } finally {
      this.#start.ariaDisabled = "false";
    }
  }

  async #listSessions() {
    const { data } = await ask("/v1/sessions");
    this.#offer(
      data.map((/** @type {any} */ { id, labels, model, since }) => {
        const lasts = clock(Math.max(0, Date.now() / 1000 - since));
        return new Option([labels.callSid ?? id, model, lasts].filter(Boolean).join(" · "), id);
      }),
    );
  }

  /** @param {HTMLOptionElement[]} sessions */
  #offer(sessions) {
    const chosen = this.#session.value;
    this.#session.replaceChildren(...(sessions.length ? sessions : [new Option("There is no live session now", "")]));
    if (sessions.some(({ value }) => value === chosen)) this.#session.value = chosen;
  }

  async #listDevices() {
    const [caller, agent] = [this.#caller.value, this.#agent.value];
    await this.#choices.listSources();
    this.#agent.replaceChildren(...[...this.#caller.options].map(({ text, value }) => new Option(text, value)));
    this.#caller.value = caller || SHARED;
    this.#agent.value = agent;
  }

  #choose() {
    for (const fields of this.#form.querySelectorAll("[data-kind]")) {
      /** @type {HTMLElement} */ (fields).hidden = !fields.getAttribute("data-kind")?.split(" ").includes(this.#kind);
    }
    this.complain("");
    if (this.#kind === "watch") this.onlist();
  }

  /** What the form lacks, as a sentence. */
  #missing() {
    if (this.#kind === "recording" && !this.file) return "Choose a recording first.";
    if (this.#kind === "watch" && !this.session) return "No session goes on that this key may watch.";
    return "";
  }
}

/**
 * A token opens but some of what a key does: what it doesn't is left out.
 *
 * @param {Promise<void>} listing
 * @param {() => void} leaveOut
 */
function unlessForbidden(listing, leaveOut) {
  return listing.catch((error) => {
    if (error.status !== 403) throw error;
    leaveOut();
  });
}

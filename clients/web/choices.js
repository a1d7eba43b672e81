/**
 * What a session is opened with, as a user chooses it: where the sound comes from, which model, which language.
 *
 * Knows nothing of sessions.
 */

import { ask } from "./api.js";

/** The value that stands for the sound of a tab, a window or the screen. */
export const SHARED = "shared";
const STORED = "steno.choices";

export class Choices {
  /** @type {any[]} */
  #models = [];
  #source;
  #language;
  #model;
  #asked;
  #kept;

  /**
   * @param {{source: HTMLSelectElement, language: HTMLSelectElement, model: HTMLSelectElement}} selects
   * @param {URLSearchParams} query  whose `language` and `model` count for more than what was chosen before
   */
  constructor({ source, language, model }, query) {
    this.#source = source;
    this.#language = language;
    this.#model = model;
    this.#asked = query;
    this.#kept = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    model.addEventListener("change", () => this.#listLanguages());
    for (const select of [source, language, model]) select.addEventListener("change", () => this.#keep());
    navigator.mediaDevices?.addEventListener("devicechange", () => this.listSources());
  }

  /** "shared", or a microphone's id; "" is the browser's default. */
  get source() {
    return this.#source.value;
  }

  /** What a session is asked for; null: as the server decides. */
  get options() {
    return { model: this.#model.value || null, language: this.#language.value || null };
  }

  /** Lists the server's models. @throws {import("./api.js").Refused} */
  async listModels() {
    const { data } = await ask("/v1/models");
    this.#models = data.filter((/** @type {any} */ each) => each.alias_of === null);
    const options = this.#models.map(({ id, ready }) => new Option(ready ? id : `${id} (loading)`, id));
    this.#fill(this.#model, options, "model");
    this.#listLanguages();
  }

  /** Leaves to the server what it doesn't list. */
  leaveToServer() {
    this.#fill(this.#model, [new Option("The server’s default", "")], "model");
    this.#fill(this.#language, [new Option("As the server decides", "")], "language");
  }

  /** Lists microphones, whose names a browser tells once it may use one. */
  async listSources() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const named = devices.filter(({ kind, label, deviceId }) => kind === "audioinput" && label && deviceId !== "default");
    const options = [
      new Option("Microphone", ""),
      ...named.map(({ label, deviceId }) => new Option(label, deviceId)),
      new Option("Sound of a tab or screen", SHARED),
    ];
    this.#fill(this.#source, options, "source");
  }

  #listLanguages() {
    const { languages = [], detects_language } = this.#models.find(({ id }) => id === this.#model.value) ?? {};
    const names = new Intl.DisplayNames([navigator.language, "en"], { type: "language" });
    /** @type {HTMLOptionElement[]} */
    const options = (languages ?? []).map((/** @type {string} */ code) => new Option(names.of(code), code));
    options.sort((a, b) => a.text.localeCompare(b.text));
    if (detects_language && options.length > 1) options.unshift(new Option("Detect the language", ""));
    this.#fill(this.#language, options, "language");
  }

  /** @param {HTMLSelectElement} select @param {HTMLOptionElement[]} options @param {string} name */
  #fill(select, options, name) {
    const asked = this.#asked.get(name) ?? "";
    // What a link asks for and is not here, the server will say so.
    if (asked && options.every((option) => option.value !== asked)) options.push(new Option(asked, asked));
    const wanted = [select.value, asked, this.#kept[name]];
    select.replaceChildren(...options);
    select.value = wanted.find((value) => value && options.some((option) => option.value === value)) ?? options[0]?.value ?? "";
  }

  #keep() {
    const { source, options } = this;
    localStorage.setItem(STORED, JSON.stringify({ source, language: options.language ?? "", model: options.model ?? "" }));
  }
}

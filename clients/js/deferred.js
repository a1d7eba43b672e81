/** A promise and what settles it. Knows nothing else; it goes once `Promise.withResolvers` is everywhere. */

/** @template T @returns {{ promise: Promise<T>, resolve: (value: T) => void, reject: (reason: unknown) => void }} */
export function deferred() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/**
 * Text on its way out of the page: into a file, or into the clipboard.
 *
 * Knows nothing of what it says.
 */

/** @param {string} name @param {string} type @param {string} text */
export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  // The browser reads it after this task.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {string} text @returns {Promise<boolean>} whether the browser has let it */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A file's name with the time it was made: `captions-2026-03-01-0930.srt`. @param {string} what @param {string} ending */
export function fileName(what, ending, now = new Date()) {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString();
  return `${what}-${local.slice(0, 10)}-${local.slice(11, 16).replace(":", "")}.${ending}`;
}

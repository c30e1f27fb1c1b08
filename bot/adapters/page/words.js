// The sentences and limits that the server rendered into the page.

const page = JSON.parse(document.getElementById("words").textContent);

export const maxBytes = page.max_bytes;

/** The sentence `key` with {values} filled in. */
export function say(key, values = {}) {
  return page.words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

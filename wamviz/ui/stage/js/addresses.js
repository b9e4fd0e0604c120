/* Addresses: which ones are fetched, and which one reopens what is shown.

   Contract: pure functions. Only this server's own addresses and inline pictures are ever fetched. */

const PICTURE = /^data:image\/(png|jpeg|webp);base64,/;

/**
 * The full address of a clip. Gradio may be mounted under a path, and then every address is below it.
 * @param {string} address
 * @param {{ href: string, base: string, root: string }} page its address, what relative ones refer to, Gradio's root
 */
export function localUrl(address, { href, base, root }) {
  const text = String(address);
  if (PICTURE.test(text)) return text;
  const here = new URL(href);
  const below = root ? new URL(root, here).pathname.replace(/\/$/, "") : "";
  const outside = text.startsWith("/") && below && !text.startsWith(`${below}/`);
  const url = new URL(outside ? below + text : text, base);
  if (url.origin !== here.origin) throw new Error("its address is not on this server");
  return url.href;
}

/** The same file written anew is another clip. */
export function clipKey(clip) {
  return clip.strip || `${clip.src}#${clip.key || ""}`;
}

/** The page's address with these parameters (without those that are null), or null where it has them already. */
export function withParameters(href, wanted) {
  const url = new URL(href);
  if (Object.entries(wanted).every(([name, text]) => url.searchParams.get(name) === text)) return null;
  for (const [name, text] of Object.entries(wanted)) {
    if (text === null) url.searchParams.delete(name);
    else url.searchParams.set(name, text);
  }
  return url;
}

/** How a run is shown, as parameters of its link; what is as usual is null. */
export function parametersOf({ frame, view, sample, delay }) {
  const offset = delay ? String(delay) : null;
  return { frame: String(frame), view, sample: sample ? String(sample + 1) : null, offset };
}

/**
 * What a link says of its run: which sample (from 0, or null), and by how many seconds its recording is shifted.
 * @param {string} search of the page's address
 * @param {string | null} run the run that is shown; a link says nothing of another one
 */
export function shownOf(search, run) {
  const asked = new URLSearchParams(search);
  if (!run || asked.get("run") !== run) return { sample: null, offset: 0 };
  const sample = /^\d{1,3}$/.test(asked.get("sample") || "") ? Number(asked.get("sample")) - 1 : null;
  const offset = Number(asked.get("offset"));
  return { sample: sample === -1 ? null : sample, offset: Math.abs(offset) <= 10 ? offset : 0 };
}

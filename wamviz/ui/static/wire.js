/* A component's value as Python packed it (wire.py).

   Contract: unpack(sent) is pure; anything that was not packed is undefined. */

/**
 * @param {{ json: string, texts: Record<string, string> } | null | undefined} sent
 * @returns {any} the value, its long texts back in their places
 */
export function unpack(sent) {
  if (typeof sent?.json !== "string") return undefined;
  const texts = new Map(Object.entries(sent.texts || {}));
  return JSON.parse(sent.json, (_, part) => (texts.has(part?.$text) ? texts.get(part.$text) : part));
}

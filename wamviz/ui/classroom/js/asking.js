/* Asking the class's addresses, again and again while somebody looks.

   Contract: askClass() answers or throws the server's sentence; every(seconds, act) waits for one answer before it asks
   the next time, and asks nothing while the page lies hidden. */

import { post } from "../../static/page/post.js";

/** POST class/WHO/VERB, see post(). */
export const askClass = (verb, body) => post(`class/${verb}`, body);

/**
 * @param {number} seconds between an answer and the next question
 * @param {() => Promise<boolean>} act whether to go on
 */
export async function every(seconds, act) {
  for (;;) {
    if (!document.hidden && !(await act())) return;
    await new Promise((go) => setTimeout(go, 1000 * seconds));
  }
}

/** What the page's address says of the lesson and the language, as the server reads it. */
export function placeOf(search) {
  const asked = new URLSearchParams(search);
  return { lesson: asked.get("lesson") || "", lang: asked.get("lang") || "" };
}

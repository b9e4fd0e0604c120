/* Asking the addresses of driving. */

import { post } from "../../../static/page/post.js";

/** POST driving/VERB, see post(). */
export const ask = (verb, body) => post(`driving/${verb}`, body);

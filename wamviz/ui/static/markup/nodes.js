/* Trees of [tag, attributes, ...children] nodes, built with DOM calls only; see markup.py.

   Contract: tagOf() and allowed() decide what may be built, as pure functions; build() and patch() build it. Text is only
   ever written as text. */

const TAGS = new Set(
  (
    "a article b blockquote button caption code dd details div dl dt em figcaption figure footer h1 h2 h3 h4 " +
    "header i img kbd li nav ol p progress small section span strong summary table tbody td th thead time tr ul video q"
  ).split(" "),
);
const ATTRIBUTES =
  /^(class|id|lang|role|title|alt|href|src|type|width|height|loading|datetime|download|hidden|open|disabled|scope|colspan|tabindex|rel|target|max|value|poster|muted|loop|playsinline|preload|data-[a-z-]+|aria-[a-z-]+)$/;
const SAFE_URL = /^(?:data:image\/(?:png|jpeg|gif);base64,|https?:\/\/|[^:]*$)/i;

/** The element that is made for a tag: the tag's own, or a plain one. */
export function tagOf(tag) {
  return TAGS.has(tag) ? tag : "span";
}

/** Whether an attribute may be set to this text. */
export function allowed(name, text) {
  if (!ATTRIBUTES.test(name)) return false;
  return !["href", "src", "poster"].includes(name) || SAFE_URL.test(text);
}

export function build(node) {
  if (!Array.isArray(node)) return document.createTextNode(String(node ?? ""));
  const [tag, attributes, ...children] = node;
  const made = document.createElement(tagOf(tag));
  dress(made, attributes);
  for (const child of children) made.appendChild(build(child));
  return made;
}

function dress(target, attributes) {
  for (const old of Array.from(target.attributes)) {
    if (!(old.name in attributes)) target.removeAttribute(old.name);
  }
  for (const [name, text] of Object.entries(attributes)) {
    if (allowed(name, text) && target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

/* Changes what is there as little as possible, so that focus and scroll position survive an update. */
export function patch(parent, nodes) {
  for (const [k, node] of nodes.entries()) {
    const old = parent.childNodes[k];
    if (!old) parent.appendChild(build(node));
    else if (Array.isArray(node) && old.nodeType === 1 && old.tagName.toLowerCase() === node[0]) {
      dress(old, node[1]);
      patch(old, node.slice(2));
    } else if (!Array.isArray(node) && old.nodeType === 3) {
      if (old.data !== String(node)) old.data = String(node);
    } else parent.replaceChild(build(node), old);
  }
  while (parent.childNodes.length > nodes.length) parent.removeChild(parent.lastChild);
}

/* Small helpers for elements. Text of people is only ever written as text. */

/** Write text where it changed: every write makes a screen reader and the layout look again. */
export function setText(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/** Say it to screen readers and to the eye alike. */
export function setPressed(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

/** A new element with these properties. */
export function made(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/* The script of a Markup component: its value as elements, and what is picked in them. See markup.py.

   Contract: start({ element, props, trigger, watch }) runs once for each mounted component. Elements with data-pick send
   their value to the component's pick event; data-confirm asks once more before. */

import { hearArrows, rove } from "./markup/choices.js";
import { patch } from "./markup/nodes.js";
import { unpack } from "./wire.js";

/**
 * @param {object} mounted what Gradio hands to a component's script
 * @param {Element} mounted.element the component
 * @param {{ value: object }} mounted.props its nodes, packed
 * @param {(name: string, data: object) => void} mounted.trigger
 * @param {(name: string, act: () => void) => void} mounted.watch
 */
export function start({ element, props, trigger, watch }) {
  const root = element.querySelector(".wz-markup");
  const draw = () => {
    // Packed from Python; what a script of the page puts there comes as it is.
    patch(root, Array.isArray(props.value) ? props.value : (unpack(props.value) ?? []));
    rove(root);
  };
  root.addEventListener("click", (event) => {
    const target = event.target.closest("[data-pick]");
    if (!target || target.getAttribute("aria-disabled") === "true" || asksOnceMore(target)) return;
    root.dataset.picked = target.dataset.pick;
    trigger("pick", { value: target.dataset.pick });
  });
  hearArrows(root);
  watch("value", draw);
  draw();
}

/* The first press of something that cannot be undone puts the question on the button. */
function asksOnceMore(target) {
  const question = target.dataset.confirm;
  if (!question || target.dataset.asked === "yes") return false;
  target.dataset.asked = "yes";
  target.dataset.label = target.textContent;
  target.textContent = question;
  const forget = () => {
    target.textContent = target.dataset.label;
    delete target.dataset.asked;
  };
  target.addEventListener("blur", forget, { once: true });
  return true;
}

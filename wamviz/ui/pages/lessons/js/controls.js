/* The controls of a lesson's experiment: built from what Python says of them, read when the experiment is run.

   Contract: start({ element, props, watch }) runs once a mounted component; the root's data-values is always the JSON of
   all values by name. clamp() is pure. Words are only ever text. */

import { unpack } from "../../../static/wire.js";

/** A whole number within its bounds, or the one before where nothing was typed. */
export function clamp(text, low, high, before) {
  const number = Math.round(Number(text));
  return text.trim() === "" || Number.isNaN(number) ? before : Math.min(high, Math.max(low, number));
}

function make(tag, attributes, text = "") {
  const made = Object.assign(document.createElement(tag), attributes);
  if (text) made.textContent = text;
  return made;
}

export function start({ element, props, watch }) {
  const root = element.querySelector(".wl-controls");
  let shown = "";
  let values = {};

  function set(name, value) {
    values[name] = value;
    root.dataset.values = JSON.stringify(values);
  }

  function whole(control, id) {
    const { name, label, low, high } = control;
    const range = make("input", { type: "range", min: low, max: high, step: 1, value: values[name], ariaLabel: label });
    const field = make("input", { type: "number", id, min: low, max: high, step: 1, value: values[name] });
    range.addEventListener("input", () => {
      field.value = range.value;
      set(name, Number(range.value));
    });
    field.addEventListener("input", () => {
      set(name, clamp(field.value, low, high, values[name]));
      range.value = String(values[name]);
    });
    field.addEventListener("change", () => {
      field.value = String(values[name]);
    });
    return [range, field];
  }

  function choice(control, id) {
    const menu = make("select", { id });
    for (const [option, words] of control.options) menu.append(make("option", { value: option }, words));
    menu.value = values[control.name];
    menu.addEventListener("change", () => set(control.name, menu.value));
    return [menu];
  }

  function show() {
    const told = unpack(props.value);
    if (!told?.controls || JSON.stringify(told) === shown) return; // what was turned stays as it is
    shown = JSON.stringify(told);
    values = {};
    for (const control of told.controls) set(control.name, control.value);
    root.replaceChildren(
      ...told.controls.map((control) => {
        const id = `wl-${control.name}`;
        const box = make("div", { className: "wl-control" });
        box.append(make("label", { htmlFor: id }, control.label), ...(control.options ? choice : whole)(control, id));
        return box;
      }),
    );
  }

  watch("value", show);
  show();
}

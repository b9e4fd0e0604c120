/* The corners of a path as a small table, for keyboards, screen readers and exact numbers. */

import { grips } from "./space.js";

const AXES = ["x", "y", "z"];

export class Corners {
  /** @param {HTMLElement} host @param {{ set: Function, flip: Function, drop: Function, pick: Function }} told */
  constructor(host, told) {
    this.body = host.querySelector("tbody");
    this.told = told;
  }

  show(corners, chosen, gripper) {
    const closed = grips(corners, gripper);
    const typing = this.body.contains(document.activeElement) && document.activeElement.matches("[type=number]");
    if (typing && this.body.rows.length === corners.length) {
      this.numbers(corners, chosen, closed);
      return;
    }
    this.body.replaceChildren(...corners.map((_, k) => this.row(k)));
    this.numbers(corners, chosen, closed);
  }

  numbers(corners, chosen, closed) {
    corners.forEach((corner, k) => {
      const row = this.body.rows[k];
      row.toggleAttribute("data-chosen", k === chosen);
      AXES.forEach((_, axis) => {
        const field = row.cells[axis + 1].firstChild;
        if (field !== document.activeElement) field.value = (100 * corner.at[axis]).toFixed(1);
      });
      const [box, words] = row.cells[4].firstChild.childNodes;
      box.checked = Boolean(corner.flip);
      words.textContent = corner.flip ? (closed[k] ? " closes" : " opens") : " stays";
    });
  }

  row(k) {
    const row = document.createElement("tr");
    row.addEventListener("focusin", () => this.told.pick(k));
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = String(k + 1);
    row.append(name);
    AXES.forEach((axis, index) => {
      const field = document.createElement("input");
      Object.assign(field, { type: "number", step: "1" });
      field.setAttribute("aria-label", `Corner ${k + 1}, ${axis} in cm`);
      field.addEventListener("input", () => {
        if (field.value !== "" && Number.isFinite(Number(field.value)))
          this.told.set(k, index, Number(field.value) / 100);
      });
      row.insertCell().append(field);
    });
    const label = document.createElement("label");
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox" });
    box.setAttribute("aria-label", `The gripper changes at corner ${k + 1}`);
    box.addEventListener("change", () => this.told.flip(k));
    label.append(box, "");
    row.insertCell().append(label);
    const drop = document.createElement("button");
    Object.assign(drop, { type: "button", className: "wp-small", textContent: "×" });
    drop.setAttribute("aria-label", `Remove corner ${k + 1}`);
    drop.addEventListener("click", () => this.told.drop(k));
    row.insertCell().append(drop);
    return row;
  }
}

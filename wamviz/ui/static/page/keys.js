/* Keys of the whole page: Enter or Ctrl+Enter imagines, ? shows the keyboard help, Escape closes a menu.

   Contract: pageCommand(press) is pure: "imagine", "help", "close" or null. */

/** @param {{ key: string, shift?: boolean, command?: boolean, composing?: boolean, on: string }} press
 *    on: "instruction", "text" or "" */
export function pageCommand({ key, shift = false, command = false, composing = false, on }) {
  if (composing) return null;
  if (key === "Enter" && (command || (on === "instruction" && !shift))) return "imagine";
  if (key === "?" && on === "" && !command) return "help";
  return key === "Escape" ? "close" : null;
}

function placeOf(target) {
  if (target.closest?.("#wz-instruction")) return "instruction";
  return target.matches?.("input, textarea, select, [contenteditable]") ? "text" : "";
}

export function hearKeys() {
  document.addEventListener("keydown", (event) => {
    const { key, shiftKey: shift, ctrlKey, metaKey, isComposing: composing } = event;
    const act = pageCommand({ key, shift, command: ctrlKey || metaKey, composing, on: placeOf(event.target) });
    if (act === "imagine") {
      event.preventDefault();
      document.getElementById("wz-imagine")?.click();
    }
    if (act === "help" && !event.defaultPrevented) document.querySelector('#wz-stage [data-act="help"]')?.click();
    if (act === "close") for (const menu of document.querySelectorAll("details.wz-menu[open]")) menu.open = false;
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.wz-menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

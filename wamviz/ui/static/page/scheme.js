/* Colour scheme: the system's, unless the reader chose one here.

   Contract: startScheme() comes first and hears the toggle; paint() gives the page its scheme, before the first paint
   too; hearSystem(changed) hears the system. schemeOf() is the rule alone. */

const KEY = "wamviz-scheme";

/**
 * @param {{ asked: string | null, chosen: string | null, dark: boolean }} wishes
 *   asked: by the address; chosen: on an earlier visit; dark: what the system prefers
 */
export function schemeOf({ asked, chosen, dark }) {
  return asked || chosen || (dark ? "dark" : "light");
}

function system() {
  return matchMedia("(prefers-color-scheme: dark)");
}

let asked = null; // by the address that the page was opened with

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(scheme) {
  try {
    localStorage.setItem(KEY, scheme);
  } catch {
    /* private mode */
  }
}

export function wantedScheme() {
  return schemeOf({ asked, chosen: remembered(), dark: system().matches });
}

export function paint() {
  if (!document.body) return;
  const scheme = wantedScheme();
  document.body.classList.toggle("dark", scheme === "dark");
  const toggle = document.getElementById("wz-scheme");
  if (!toggle) return;
  const label = scheme === "dark" ? "Switch to light colours" : "Switch to dark colours";
  if (toggle.getAttribute("aria-label") !== label) toggle.setAttribute("aria-label", label);
}

/* The plots are drawn by the server in the reader's colours. */
function recolour() {
  document.getElementById("wz-recolour")?.click();
}

export function startScheme() {
  asked = new URLSearchParams(location.search).get("__theme");
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#wz-scheme")) return;
    remember(document.body.classList.contains("dark") ? "light" : "dark");
    const here = new URL(location.href);
    if (asked && here.searchParams.has("__theme")) {
      here.searchParams.delete("__theme");
      location.replace(here);
      return;
    }
    paint();
    recolour();
  });
}

export function hearSystem(changed) {
  system().addEventListener("change", () => {
    changed();
    recolour();
  });
}

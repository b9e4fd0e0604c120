/* Who answers: 32 random digits that this browser keeps, and nothing about the person.

   Contract: pupil() is always the same until anotherPupil(); isPupil() and makePupil() are the rule alone. */

const KEY = "wamviz-pupil";
let here = ""; // in a browser that keeps nothing, as long as the page is open

/** Whether a text is such a number. */
export function isPupil(text) {
  return typeof text === "string" && /^[0-9a-f]{32}$/.test(text);
}

/** @param {Uint8Array} bytes 16 random ones */
export function makePupil(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function pupil() {
  try {
    here = localStorage.getItem(KEY) || here;
  } catch {
    /* private mode */
  }
  return isPupil(here) ? here : anotherPupil();
}

export function anotherPupil() {
  here = makePupil(crypto.getRandomValues(new Uint8Array(16)));
  try {
    localStorage.setItem(KEY, here);
  } catch {
    /* private mode */
  }
  return here;
}

/* A link to the glossary opens it. */
export function openHash() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target?.tagName === "DETAILS") target.open = true;
  target?.scrollIntoView({ block: "start" });
}

/* Escape puts an explanation away until the pointer or the focus comes back. */
export function hearTerms() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const term of document.querySelectorAll(".wz-explained")) {
      if (term.matches(":hover, :focus-within")) term.classList.add("wz-away");
    }
  });
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => {
      for (const term of document.querySelectorAll(".wz-away")) {
        if (!term.contains(event.target)) term.classList.remove("wz-away");
      }
    });
  }
}

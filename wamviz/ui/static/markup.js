// Builds a tree of [tag, attributes, ...children] nodes with DOM calls only; see markup.py.
const TAGS = new Set(("a article b button caption code dd details div dl dt em figcaption figure footer h1 h2 h3 h4 " +
  "header i img kbd li nav ol p progress small section span strong summary table tbody td th thead time tr ul").split(" "));
const ATTRIBUTES = /^(class|id|role|title|alt|href|src|type|width|height|loading|datetime|download|hidden|open|disabled|scope|colspan|tabindex|rel|target|max|value|data-[a-z-]+|aria-[a-z-]+)$/;
const SAFE_URL = /^(?:data:image\/(?:png|jpeg|gif);base64,|https?:\/\/|[^:]*$)/i;

function build(node) {
  if (!Array.isArray(node)) return document.createTextNode(node == null ? "" : String(node));
  const made = document.createElement(TAGS.has(node[0]) ? node[0] : "span");
  dress(made, node[1]);
  for (const child of node.slice(2)) made.appendChild(build(child));
  return made;
}

function dress(target, attributes) {
  for (const old of Array.from(target.attributes)) {
    if (!(old.name in attributes)) target.removeAttribute(old.name);
  }
  for (const [name, text] of Object.entries(attributes)) {
    if (!ATTRIBUTES.test(name)) continue;
    if ((name === "href" || name === "src") && !SAFE_URL.test(text)) continue;
    if (target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

// Changes what is there as little as possible, so that focus and scroll position survive an update.
function patch(parent, nodes) {
  nodes.forEach((node, i) => {
    const old = parent.childNodes[i];
    if (!old) return void parent.appendChild(build(node));
    const same = Array.isArray(node) && old.nodeType === 1 && old.tagName.toLowerCase() === node[0];
    if (!same) {
      if (!Array.isArray(node) && old.nodeType === 3) {
        if (old.data !== String(node)) old.data = String(node);
        return;
      }
      return void parent.replaceChild(build(node), old);
    }
    dress(old, node[1]);
    patch(old, node.slice(2));
  });
  while (parent.childNodes.length > nodes.length) parent.removeChild(parent.lastChild);
}

const root = element.querySelector(".wz-markup");
const draw = () => {
  patch(root, Array.isArray(props.value) ? props.value : []);
  rove();
};

root.addEventListener("click", (event) => {
  const target = event.target.closest("[data-pick]");
  if (!target || target.getAttribute("aria-disabled") === "true") return;
  const question = target.dataset.confirm;
  if (question && target.dataset.asked !== "yes") {
    target.dataset.asked = "yes";
    target.dataset.label = target.textContent;
    target.textContent = question;
    target.addEventListener("blur", () => {
      target.textContent = target.dataset.label;
      delete target.dataset.asked;
    }, { once: true });
    return;
  }
  root.dataset.picked = target.dataset.pick;
  trigger("pick", { value: target.dataset.pick });
});

// A list of choices is one stop of the Tab key; arrow keys walk through it, as in a radio group.
const choices = (group) => Array.from(group.querySelectorAll("[data-pick]"));
const rove = () => {
  for (const group of root.querySelectorAll("[data-arrows]")) {
    const items = choices(group);
    const stop = items.find((item) => item === document.activeElement)
      || items.find((item) => item.getAttribute("aria-pressed") === "true") || items[0];
    for (const item of items) item.tabIndex = item === stop ? 0 : -1;
  }
};
root.addEventListener("focusin", rove);
root.addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const group = event.target.closest("[data-arrows]");
  if (!group) return;
  const items = choices(group);
  const here = items.indexOf(event.target);
  const next = event.key === "Home" ? items[0] : event.key === "End" ? items[items.length - 1] : items[here + steps[event.key]];
  if (here < 0 || !next) return;
  event.preventDefault();
  next.focus();
});

watch("value", draw);
draw();

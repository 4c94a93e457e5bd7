/* People and issues while somebody types `@`, `#` or the key of a space: a list of options under the line. */
import { composerOf, put, saying } from "./composer.js";
import { spaceOf } from "./upload.js";

const PAUSE = 80;
const WORD = /(?:^|[\s([{>*_"'])(@[\p{L}\p{N}._+-]*|#[\p{L}\p{N}_]*|[A-Z][A-Z0-9]{1,9}-\d*)$/u;
// What decides where a line breaks, and how high it is.
const SHAPE = [
  "font", "lineHeight", "letterSpacing", "tabSize", "wordBreak", "overflowWrap", "boxSizing", "width",
  "paddingTop", "paddingRight", "paddingBottom", "paddingLeft",
  "borderTopWidth", "borderRightWidth", "borderBottomWidth", "borderLeftWidth", "borderStyle",
];
let open = null;
let timer;
let request;

document.addEventListener("input", (event) => {
  const composer = event.target.matches?.("[data-composer] textarea") && composerOf(event.target);
  if (composer) {
    clearTimeout(timer);
    request?.abort();
    timer = setTimeout(() => ask(composer, event.target), PAUSE);
  }
});
document.addEventListener("focusout", (event) => open?.area === event.target && close());
document.addEventListener("click", (event) => open && !open.list.contains(event.target) && close());
document.addEventListener("mousedown", (event) => {
  // The text keeps the cursor.
  if (open?.list.contains(event.target)) {
    event.preventDefault();
    choose(event.target.closest("[role=option]"));
  }
});
document.addEventListener("keydown", move, true);

async function ask(composer, area) {
  const at = area.selectionEnd;
  const found = WORD.exec(area.value.slice(Math.max(0, at - 120), at));
  const space = found && spaceOf(composer);
  if (!space || document.activeElement !== area) {
    close();
    return;
  }
  request = new AbortController();
  try {
    const query = new URLSearchParams({ space, word: found[1] });
    const answer = await fetch(`${composer.dataset.complete}?${query}`, { signal: request.signal });
    show(composer, area, at - found[1].length, answer.ok ? await answer.text() : "");
  } catch {
    close();
  }
}

function show(composer, area, from, options) {
  const list = composer.querySelector(".completions");
  list.innerHTML = options;
  if (!list.firstElementChild) {
    close();
    return;
  }
  open = { composer, area, list, from, to: area.selectionEnd };
  list.hidden = false;
  stand(list, area, from);
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", list.id);
  mark(list.firstElementChild);
  composer.querySelector("[data-said]").textContent = saying(composer, "found", list.children.length);
}

function close() {
  if (open) {
    open.list.hidden = true;
    open.area.removeAttribute("aria-activedescendant");
    open.area.removeAttribute("aria-controls");
    open.composer.querySelector("[data-said]").textContent = "";
    open = null;
  }
}

function mark(option) {
  open.list.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  open.area.setAttribute("aria-activedescendant", option.id);
}

/** Before all others hear of a key, since it is the list's. */
function move(event) {
  if (!open || event.target !== open.area || event.isComposing || event.ctrlKey || event.metaKey) {
    return;
  }
  const { list } = open;
  const marked = list.querySelector("[aria-selected]");
  const steps = {
    ArrowDown: () => mark(marked.nextElementSibling ?? list.firstElementChild),
    ArrowUp: () => mark(marked.previousElementSibling ?? list.lastElementChild),
    Enter: () => choose(marked),
    Tab: () => choose(marked),
    Escape: close,
  };
  if (steps[event.key]) {
    event.preventDefault();
    event.stopPropagation();
    steps[event.key]();
  }
}

function choose(option) {
  if (option) {
    const { area, from, to } = open;
    close();
    put(area, `${option.dataset.text} `, from, to);
  }
}

/** Put the list under the line in which the word begins: a copy of the text tells where that is. */
function stand(list, area, from) {
  const copy = document.createElement("div");
  const style = getComputedStyle(area);
  SHAPE.forEach((name) => (copy.style[name] = style[name]));
  Object.assign(copy.style, { position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", top: "0" });
  copy.textContent = area.value.slice(0, from);
  const place = copy.appendChild(document.createElement("span"));
  place.textContent = area.value.slice(from, from + 1) || ".";
  area.after(copy);
  const left = Math.min(place.offsetLeft, area.clientWidth - list.offsetWidth);
  list.style.left = `${area.offsetLeft + Math.max(0, left)}px`;
  list.style.top = `${area.offsetTop + place.offsetTop + place.offsetHeight - area.scrollTop + 4}px`;
  copy.remove();
}

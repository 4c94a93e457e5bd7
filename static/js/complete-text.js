/* People and issues while somebody types `@`, `#` or the key of a space: a list of options under the line. */
import { areaOf, everyComposer, put, saying } from "./composer.js";
import { listbox } from "./listbox.js";
import { spaceOf } from "./upload.js";

const PAUSE = 80;
const WORD = /(?:^|[\s([{>*_"'])(@[\p{L}\p{N}._+-]*|#[\p{L}\p{N}_]*|[A-Z][A-Z0-9]{1,9}-\d*)$/u;
// What decides where a line breaks, and how high it is.
const SHAPE = [
  "font", "lineHeight", "letterSpacing", "tabSize", "wordBreak", "overflowWrap", "boxSizing", "width",
  "paddingTop", "paddingRight", "paddingBottom", "paddingLeft",
  "borderTopWidth", "borderRightWidth", "borderBottomWidth", "borderLeftWidth", "borderStyle",
];

everyComposer((composer) => {
  const area = areaOf(composer);
  const list = composer.querySelector(".completions");
  const said = composer.querySelector("[data-said]");
  const { mark, marked, move } = listbox(area, list, take);
  let from, to, timer, request;

  area.addEventListener("input", () => {
    clearTimeout(timer);
    request?.abort();
    timer = setTimeout(ask, PAUSE);
  });
  area.addEventListener("click", close);
  area.addEventListener("blur", close);
  area.addEventListener("keydown", (event) => {
    // Nobody else hears of a key that is the list's.
    if (!list.hidden && move(event, { Tab: () => take(marked()), Escape: close })) {
      event.stopPropagation();
    }
  });

  async function ask() {
    to = area.selectionEnd;
    const found = WORD.exec(area.value.slice(Math.max(0, to - 120), to));
    const space = found && spaceOf(composer);
    if (!space || document.activeElement !== area) {
      close();
      return;
    }
    from = to - found[1].length;
    request = new AbortController();
    try {
      const query = new URLSearchParams({ space, word: found[1] });
      const answer = await fetch(`${composer.dataset.complete}?${query}`, { signal: request.signal });
      show(answer.ok ? await answer.text() : "");
    } catch {
      close();
    }
  }

  function show(options) {
    list.innerHTML = options;
    if (!list.firstElementChild) {
      close();
      return;
    }
    list.hidden = false;
    stand(list, area, from);
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-controls", list.id);
    mark(list.firstElementChild);
    said.textContent = saying(composer, "found", list.children.length);
  }

  function close() {
    if (!list.hidden) {
      list.hidden = true;
      area.removeAttribute("aria-activedescendant");
      area.removeAttribute("aria-controls");
      said.textContent = "";
    }
  }

  function take(option) {
    close();
    put(area, `${option.dataset.text} `, from, to);
  }
});

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

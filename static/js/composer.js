/* Composers: a text with a preview and tools, `[data-composer]` around a textarea; files say the rest. */
import { onCommand } from "./commands.js";

const COMPOSER = "[data-composer]";

/** The composer that something stands in, or null. */
export function composerOf(element) {
  return element.closest?.(COMPOSER) ?? null;
}

export function areaOf(composer) {
  return composer.querySelector("textarea");
}

/** What a composer says with a `name` of its words; {} is `value`. */
export function saying(composer, name, value = "") {
  const words = composer.querySelector("[data-words]").content;
  return words.querySelector(`[data-${name}]`).textContent.replace("{}", () => value);
}

/** Put `text` in place of `from` to `to`, so that the browser can undo it. */
export function put(area, text, from = area.selectionStart, to = area.selectionEnd) {
  area.focus();
  area.setSelectionRange(from, to);
  const isDone = document.execCommand(text ? "insertText" : "delete", false, text);
  if (!isDone && (text || from !== to)) {
    area.setRangeText(text, from, to, "end");
    area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}

/** Call `run` once with every composer, also with those that come later. */
export function everyComposer(run) {
  const known = new WeakSet();
  const all = (place) => {
    for (const composer of place.querySelectorAll(COMPOSER)) {
      if (!known.has(composer)) {
        known.add(composer);
        run(composer);
      }
    }
  };
  all(document);
  document.body.addEventListener("htmx:load", (event) => all(event.detail.elt));
}

everyComposer((composer) => {
  const form = composer.closest("form");
  composer.querySelectorAll("[data-with-scripts]").forEach((element) => (element.hidden = false));
  form?.querySelectorAll("[data-without-scripts], .files").forEach((element) => (element.hidden = true));
});

// A text that is missing is asked for where it can be seen.
document.addEventListener("invalid", ({ target }) => target.hidden && composerOf(target) && show(composerOf(target)), true);

document.addEventListener("click", (event) => {
  const button = event.target.closest(`${COMPOSER} button`);
  if (!button) {
    return;
  }
  const { write, preview, around, before, link } = button.dataset;
  const composer = composerOf(button);
  const area = areaOf(composer);
  if (write !== undefined || preview !== undefined) {
    show(composer, preview !== undefined);
  } else if (around) {
    wrap(area, around);
  } else if (before) {
    prefix(area, before);
  } else if (link !== undefined) {
    linkTo(area);
  }
});

document.addEventListener("keydown", (event) => {
  const area = event.target;
  const composer = area.matches?.(`${COMPOSER} textarea`) && composerOf(area);
  if (!composer || event.isComposing || event.defaultPrevented) {
    return;
  }
  const isMod = event.ctrlKey || event.metaKey;
  const tool = isMod && composer.querySelector(`[data-letter="${CSS.escape(event.key)}"]`);
  if (tool) {
    event.preventDefault();
    tool.click();
  } else if (event.key === "Enter" && !isMod && !event.shiftKey && goOn(area)) {
    event.preventDefault();
  }
});

onCommand("send", () => send(".primary"), () => document.querySelector(COMPOSER) !== null);
onCommand("send-second", () => send("[data-second]"), () => document.querySelector("[data-second]") !== null);

/** Send the form in which somebody writes, with this one of its buttons; else begin to write. */
function send(which) {
  const form = document.activeElement.closest("form");
  const button = form?.querySelector(COMPOSER) && form.querySelector(`.buttons ${which}`);
  if (button) {
    // htmx sends the button that was clicked last, whichever submits the form.
    button.click();
  } else {
    areaOf(document.querySelector(COMPOSER)).focus();
  }
}

/** Show the preview, which htmx fetches, or the text. */
function show(composer, isPreview = false) {
  const area = areaOf(composer);
  composer.querySelector("[data-write]").setAttribute("aria-pressed", !isPreview);
  composer.querySelector("[data-preview]").setAttribute("aria-pressed", isPreview);
  composer.querySelector(".composer-tools").hidden = isPreview;
  const preview = composer.querySelector(".composer-preview");
  preview.replaceChildren();
  preview.hidden = !isPreview;
  area.hidden = isPreview;
  if (!isPreview) {
    area.focus();
  }
}

/** Put marks around the selection, or take them away. */
function wrap(area, mark) {
  const { selectionStart: from, selectionEnd: to, value } = area;
  const size = mark.length;
  if (value.slice(from - size, from) === mark && value.slice(to, to + size) === mark) {
    put(area, value.slice(from, to), from - size, to + size);
    area.setSelectionRange(from - size, to - size);
  } else {
    put(area, mark + value.slice(from, to) + mark);
    area.setSelectionRange(from + size, to + size);
  }
}

/** Begin every selected line with `mark`, or take it away where all do. */
function prefix(area, mark) {
  const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  const next = area.value.indexOf("\n", area.selectionEnd);
  const to = next < 0 ? area.value.length : next;
  const lines = area.value.slice(from, to).split("\n");
  const isMarked = lines.every((line) => line.startsWith(mark));
  put(area, lines.map((line) => (isMarked ? line.slice(mark.length) : mark + line)).join("\n"), from, to);
}

function linkTo(area) {
  const from = area.selectionStart;
  const text = area.value.slice(from, area.selectionEnd);
  put(area, `[${text}](url)`);
  area.setSelectionRange(from + text.length + 3, from + text.length + 6);
}

/** At the end of a line of a list begin the next one, or end the list where the line is empty. */
function goOn(area) {
  const { selectionStart: at, selectionEnd, value } = area;
  const from = value.lastIndexOf("\n", at - 1) + 1;
  const found = /^(\s*)([-*+]|(\d{1,8})\.) (\[[ xX]\] )?(.*)$/.exec(value.slice(from, at));
  if (!found || at !== selectionEnd) {
    return false;
  }
  const [, indent, mark, number, box, text] = found;
  if (text) {
    put(area, `\n${indent}${number ? `${Number(number) + 1}.` : mark} ${box ? "[ ] " : ""}`);
  } else {
    put(area, "", from, at);
  }
  return true;
}

const reply = () => document.querySelector(`#comment-form ${COMPOSER}`);
onCommand("reply", quote, () => reply() !== null);

/** To the text of a comment, with what is selected on the page quoted in it. */
function quote() {
  const text = String(getSelection()).trim();
  const area = areaOf(reply());
  show(reply());
  area.setSelectionRange(area.value.length, area.value.length);
  if (text) {
    const gap = area.value.trim() ? "\n\n" : "";
    put(area, `${gap}${text.replace(/^/gm, "> ")}\n\n`);
  }
  area.scrollIntoView({ block: "nearest" });
}

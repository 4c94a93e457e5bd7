/*
 * What can be done by key, and is listed by the palette and the sheet of keys.
 *
 * Every command is an element with `data-keys`: its key is the same as a click, or puts the cursor into a field.
 * `data-name` names it where its text does not, `data-group` says under which heading it stands. Keys are
 * written as events call them: "j", "Shift+x", "Mod+k" (Ctrl or ⌘), "g t" (one after the other), several with
 * "|" between, and none for what the palette alone has. What only a script can do stands hidden in #commands, with
 * the name under which a module says how it is done in `data-command`.
 */
const known = {};

/** `run` does what elements with `data-command` of this name ask for, while `isThere()`. */
export function onCommand(name, run, isThere = () => true) {
  known[name] = { run, isThere };
}

/** The commands of this moment, {name, keys, group, isDeed, run}; those of an open dialog alone while there is one. */
export function commands() {
  const place = document.querySelector("dialog[open]") ?? document.body;
  return [...place.querySelectorAll("[data-keys]")].filter(isUsable).map(asCommand);
}

/** All that the page knows, also what asks for a row or a selection first. */
export function allCommands() {
  return [...document.querySelectorAll("[data-keys]")].map(asCommand);
}

function isUsable(element) {
  const { command } = element.dataset;
  return command ? known[command]?.isThere() : !element.disabled && !element.closest("[hidden], [inert]");
}

function asCommand(element) {
  const { keys, name, group, command } = element.dataset;
  const text = name ?? element.getAttribute("aria-label") ?? element.textContent.trim().replace(/\s+/g, " ");
  const isDeed = element.closest("#bulk, .quick") !== null;
  return { name: text, keys, group, isDeed, run: command ? known[command]?.run : () => use(element) };
}

function use(element) {
  // Who knows more of the element may prepare it, or say that there is nothing to do.
  if (!element.dispatchEvent(new CustomEvent("use-command", { bubbles: true, cancelable: true }))) {
    return;
  }
  if (element.matches("select") && !element.closest("#bulk")) {
    choose(element);
  } else if (element.matches("input:not([type=checkbox]), textarea, select")) {
    element.focus();
    element.select?.();
  } else {
    element.click();
  }
}

/** Open a list of which a choice is saved at once, and after which keys are for the page again. */
function choose(select) {
  select.focus();
  try {
    select.showPicker();
  } catch {
    // Not in every browser, and not without a key or a click.
  }
  const leave = () => select.blur();
  select.addEventListener("change", leave, { once: true });
  select.addEventListener("blur", () => select.removeEventListener("change", leave), { once: true });
}

/** An element that shows a key. */
export function keyCaps(keys) {
  const shown = document.createElement("span");
  shown.className = "caps";
  for (const cap of caps(keys.split("|")[0].trim())) {
    const key = document.createElement("kbd");
    key.textContent = cap;
    shown.append(key);
  }
  return shown;
}

function caps(keys) {
  const names = {
    Mod: navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl",
    Shift: "⇧",
    Escape: "Esc",
    ArrowDown: "↓",
    ArrowUp: "↑",
  };
  return keys.split(/[ +]/).map((part) => names[part] ?? (keys.includes("+") ? part.toUpperCase() : part));
}

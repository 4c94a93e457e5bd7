/*
 * Keys: they do what commands say, never while somebody types, and not at all where they are switched off. Escape
 * leaves a field first.
 */
import { commands } from "./commands.js";

const PAUSE = 1000;
const MODIFIERS = ["Control", "Meta", "Alt", "Shift"];
let before = "";
let timer;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey || MODIFIERS.includes(event.key)) {
    return;
  }
  const key = spelled(event);
  if (!key.startsWith("Mod+") && key !== "Escape" && (isTyping(event) || isOff())) {
    return;
  }
  if (key === "Escape" && isTyping(event) && !isOff() && !event.target.closest("dialog")) {
    event.preventDefault();
    event.target.blur();
    return;
  }
  const found = find(`${before} ${key}`.trim()) ?? (before && find(key));
  remember(found ? "" : key);
  if (found) {
    event.preventDefault();
    found.run(event);
  }
});

function find(keys) {
  return commands().find((entry) => entry.keys.split("|").some((one) => one.trim() === keys));
}

/** "Shift+x" and "Mod+k", but "?" as it is: which keys make it differs between keyboards. */
function spelled(event) {
  const isLetter = event.key.length === 1 && event.key.toLowerCase() !== event.key.toUpperCase();
  const key = isLetter ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (isLetter || event.key.length > 1) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Mod+" : ""}${shift}${key}`;
}

/** The first key of two waits a moment for the second. */
function remember(key) {
  clearTimeout(timer);
  before = key;
  timer = setTimeout(() => (before = ""), PAUSE);
}

function isTyping(event) {
  const typed = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  return event.target.closest?.(typed) !== null && event.target !== document.body;
}

function isOff() {
  return document.documentElement.dataset.shortcuts === "off";
}

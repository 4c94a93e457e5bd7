/* The palette: every command of the page by name, with its key, and a way to any issue or search. */
import { commands, keyCaps, onCommand } from "./commands.js";
import { listbox } from "./listbox.js";

const MOST = 50;
const ISSUE = /^[a-z][a-z0-9]*-\d+$/i;
const dialog = document.getElementById("palette");
let input, list, words, entries, options;

if (dialog) {
  [, input, list] = dialog.children;
  words = dialog.querySelector("template").content;
  onCommand("palette", open);
  input.addEventListener("input", show);
  options = listbox(input, list, choose);
  input.addEventListener("keydown", (event) => options.move(event));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function open() {
  // Of two that are called alike the key means the first.
  const names = commands().map(({ name, keys }) => `${keys} ${name}`);
  entries = commands().filter((entry, at) => entry.run !== open && names.indexOf(names[at]) === at);
  if (document.querySelector(".row[data-current], .row :checked, .quick")) {
    // What can be done to the issue comes first.
    entries.sort((a, b) => b.isDeed - a.isDeed);
  }
  input.value = "";
  show();
  dialog.showModal();
}

function show() {
  const text = input.value.trim();
  const found = entries.filter((entry) => fits(entry.name, text)).sort((a, b) => farness(a, text) - farness(b, text));
  list.replaceChildren(...[...found, ...jumps(text)].slice(0, MOST).map(option));
  options.mark(list.firstElementChild);
}

/** Where the text itself leads. */
function jumps(text) {
  const { issue, issues } = document.getElementById("commands").dataset;
  const search = { name: saying("search", text), run: () => location.assign(`${issues}?q=${encodeURIComponent(text)}`) };
  const key = text.toUpperCase();
  const open = { name: saying("open", key), run: () => location.assign(issue.replace("KEY", key)) };
  return text ? [...(ISSUE.test(text) ? [open] : []), search] : [];
}

function saying(name, text) {
  return words.querySelector(`[data-${name}]`).textContent.replace("{}", () => text);
}

/** Whether the letters of the text stand in the name, in this order. */
function fits(name, text) {
  let place = -1;
  const letters = [...text.toLowerCase().replace(/\s+/g, "")];
  return letters.every((letter) => (place = name.toLowerCase().indexOf(letter, place + 1)) >= 0);
}

/** 0 for a name that begins with the text, 1 for one that has it, 2 for one that only has its letters. */
function farness({ name }, text) {
  const place = name.toLowerCase().indexOf(text.toLowerCase());
  return place < 0 ? 2 : Math.min(place, 1);
}

function option(entry, number) {
  const item = document.createElement("li");
  item.id = `palette-${number}`;
  item.setAttribute("role", "option");
  item.append(document.createElement("span"), ...(entry.keys ? [keyCaps(entry.keys)] : []));
  item.firstElementChild.textContent = entry.name;
  item.run = entry.run;
  return item;
}

function choose(item) {
  dialog.close();
  item.run();
}

/*
 * Selecting rows of a list, one by one, up to another and all of a page, and what the bar under the list does
 * with them: what is done by key is done with the current row where none is selected.
 */
import { commands, onCommand } from "./commands.js";
import { foresee } from "./foresight.js";
import { currentRow, goTo, makeCurrent, rows } from "./rows.js";

const bar = () => document.getElementById("bulk");
const page = () => document.getElementById("pick-page");
const boxes = () => [...document.querySelectorAll(".row input[name=issue]")];
const chosen = () => boxes().filter((box) => box.checked);
const boxOf = (row) => row?.querySelector("input[name=issue]");
const isAll = () => document.getElementById("bulk-all")?.checked ?? false;
const hasCurrent = () => Boolean(boxOf(currentRow()));

// The key of the row from which a range goes, and the box that a key ticked for one deed.
let anchor, ticked;
// What is to be done to rows, the first of it under way, and how often to undo something after that.
const deeds = [];
let undos = 0;

onCommand("select-row", () => tick(currentRow()), hasCurrent);
onCommand("select-range", () => tickUpTo(currentRow()), hasCurrent);
onCommand("select-page", tickPage, () => boxes().length > 0 && isInList());
onCommand("select-none", () => bar().reset(), () => chosen().length > 0 && !isTyping());
onCommand("undo-last", () => undos++, () => deeds.length > 0);
page()?.removeAttribute("name");

function isInList() {
  return Boolean(document.activeElement?.closest(".issues")) && !isTyping();
}

function isTyping() {
  return document.activeElement?.matches("input:not([type=checkbox]), textarea, select") ?? false;
}

function tick(row) {
  boxOf(row).checked = !boxOf(row).checked;
  anchor = row.dataset.key;
  show();
}

function tickUpTo(row, isTicked = true) {
  const all = rows();
  const from = all.findIndex((other) => other.dataset.key === anchor);
  const to = all.indexOf(row);
  for (const other of all.slice(Math.min(from < 0 ? to : from, to), Math.max(from, to) + 1)) {
    boxOf(other).checked = isTicked;
  }
  show();
}

function tickPage() {
  const isTicked = chosen().length < boxes().length;
  boxes().forEach((box) => (box.checked = isTicked));
  show();
}

/** Bring the words of the bar and the box of the page up to date. */
function show() {
  const number = chosen().length;
  const words = bar()?.querySelector(".bulk-count strong");
  if (words) {
    words.textContent = (number === 1 ? words.dataset.one : words.dataset.many).replace("{}", number);
    page().checked = number === boxes().length;
    page().indeterminate = number > 0 && !page().checked;
  }
}

document.addEventListener("click", (event) => {
  if (event.target.matches(".pick input")) {
    const row = event.target.closest(".row");
    if (event.shiftKey && anchor) {
      tickUpTo(row, event.target.checked);
    }
    anchor = row.dataset.key;
  }
});
document.addEventListener("change", (event) => {
  if (event.target === page()) {
    boxes().forEach((box) => (box.checked = page().checked));
  }
  if (event.target.form === bar()) {
    show();
  }
});
document.addEventListener("reset", (event) => event.target === bar() && setTimeout(show));

/* By key the bar is about the current row if there is no selection; what is under way is undone when it is done. */
document.addEventListener("use-command", (event) => {
  if (event.target.closest("#messages")) {
    event.preventDefault();
    undos++;
    undo();
  } else if (event.target.closest("#bulk") && chosen().length === 0) {
    ticked = boxOf(currentRow());
    if (ticked) {
      ticked.checked = true;
      show();
    } else {
      event.preventDefault();
    }
  }
  event.target.closest(".bulk-more")?.setAttribute("open", "");
});

/* Buttons beside an issue that press a key for it alone; where its row is not listed they lead to its page. */
document.addEventListener("click", (event) => {
  const { press } = event.target.dataset;
  const row = press && document.getElementById(`issue-${event.target.closest("[data-issue]").dataset.issue}`);
  if (boxOf(row) && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    bar().reset();
    makeCurrent(row);
    commands().find(({ keys }) => keys === press).run();
    document.activeElement.showPicker?.();
  }
});

/* A choice of the mouse is meant; by keys one wanders through the choices, and Enter means one. */
let isPointed = false;
document.addEventListener("pointerdown", () => (isPointed = true), true);
document.addEventListener("change", (event) => {
  if (isPointed && event.target.matches(".bulk-fields select") && event.target.value) {
    apply();
  }
});
document.addEventListener("keydown", (event) => {
  isPointed = false;
  const isField = event.target.matches?.(".bulk-fields select, .bulk-fields input");
  if (event.key === "Enter" && isField) {
    event.preventDefault();
    apply();
  } else if (event.key === "Enter" && event.target.matches?.(".pick input, .pick-page input")) {
    event.preventDefault();
  } else if (event.key === "Escape" && isField) {
    event.preventDefault();
    leave();
  }
}, true);

function apply() {
  bar().querySelector("[value=set]").click();
}

/** Out of a field of the bar, back to the row. */
function leave() {
  if (ticked) {
    ticked.checked = false;
    ticked = undefined;
    show();
  }
  goTo(currentRow());
}

/*
 * A deed is done to the rows at once, as far as one sees, and sent after those before it. What is shown before it
 * is done has a page of its own.
 */
document.addEventListener("submit", (event) => {
  if (event.target !== bar()) {
    return;
  }
  const keys = chosen().map((box) => box.value);
  event.stopPropagation();
  if (isAll() || keys.length > Number(bar().dataset.shownFirst)) {
    return;
  }
  event.preventDefault();
  const { submitter } = event;
  const data = new FormData(bar());
  data.set(submitter.name, submitter.value);
  deeds.push({ data, isSelected: !ticked, takeBack: foresee(keys, submitter) });
  ticked = undefined;
  bar().reset();
  const all = rows();
  const last = all.findLastIndex((row) => keys.includes(row.dataset.key));
  const isAdvancing = submitter.dataset.advance !== undefined && document.documentElement.dataset.advance === "on";
  goTo((isAdvancing && all[last + 1]) || all[last]);
  if (deeds.length === 1) {
    send();
  }
}, true);

async function send() {
  while (deeds.length) {
    const [{ data, isSelected, takeBack }] = deeds;
    const isDone = await post(data);
    takeBack();
    deeds.shift();
    if (!isDone && chosen().length === 0) {
      fill(data, isSelected);
    }
  }
  undo();
}

/* Who leaves the page has done what they saw. */
addEventListener("pagehide", () => {
  deeds.splice(1).forEach(({ data }) => navigator.sendBeacon(bar().action, data));
});

/** Undo what was done last, and what before that, as often as was asked for. */
function undo() {
  for (; undos > 0 && deeds.length === 0; undos--) {
    const button = document.querySelector("#messages form:not(.htmx-request) [data-keys=z]");
    if (button) {
      // It may have come just now.
      htmx.process(button.form);
      button.click();
    }
  }
}

/** Whether what the bar said was done; the answer has the rows as they are now. */
async function post(data) {
  const source = document.getElementById("commands");
  let isDone = false;
  source.addEventListener("htmx:afterRequest", ({ detail }) => (isDone = detail.successful), { once: true });
  await htmx.ajax("POST", bar().action, { source, values: data, swap: "none" }).catch(() => {});
  return isDone;
}

/** Put back into the bar what was not done. */
function fill(data, isSelected) {
  for (const field of bar().querySelectorAll("select, input[type=text]")) {
    field.value = data.get(field.name);
  }
  for (const box of isSelected ? boxes() : []) {
    box.checked = data.getAll("issue").includes(box.value);
  }
  show();
}

/* A row that is exchanged stays the current one, and keeps the focus. */
let kept;
document.body.addEventListener("htmx:oobBeforeSwap", ({ detail: { target } }) => {
  kept = target.matches(".row[data-current]") ? [target.dataset.key, target.contains(document.activeElement)] : kept;
});
document.body.addEventListener("htmx:afterRequest", () => {
  const row = kept && !currentRow() && rows().find(({ dataset }) => dataset.key === kept[0]);
  if (row && kept[1]) {
    goTo(row);
  } else if (row) {
    makeCurrent(row);
  }
  kept = undefined;
});

show();

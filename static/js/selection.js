/*
 * Selecting rows of a list, one by one, up to another and all of a page, and what the bar under the list does
 * with them: what is done by key is done with the current row where none is selected.
 */
import { onCommand } from "./commands.js";
import { foresee, undoForeseen } from "./foresight.js";
import { currentRow, makeCurrent, rows } from "./rows.js";

const bar = () => document.getElementById("bulk");
const page = () => document.getElementById("pick-page");
const boxes = () => [...document.querySelectorAll(".row input[name=issue]")];
const chosen = () => boxes().filter((box) => box.checked);
const boxOf = (row) => row?.querySelector("input[name=issue]");
const isAll = () => document.getElementById("bulk-all")?.checked ?? false;
const hasCurrent = () => Boolean(boxOf(currentRow()));

// The key of the row from which a range goes, the box that a key ticked for one deed, and what is under way.
let anchor, ticked, sent;
const waiting = [];

onCommand("select-row", () => tick(currentRow()), hasCurrent);
onCommand("select-range", () => tickUpTo(currentRow()), hasCurrent);
onCommand("select-page", tickPage, () => boxes().length > 0 && isInList());
page()?.removeAttribute("name");

/** Do something, after the deed under way if there is one: who types fast means the row that comes then. */
export function inTurn(act) {
  if (sent) {
    waiting.push(act);
  } else {
    act();
  }
}

function isInList() {
  const typed = "input:not([type=checkbox]), textarea, select";
  return Boolean(document.activeElement?.closest(".issues")) && !document.activeElement.matches(typed);
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

/* By key the bar is about the current row if there is no selection. */
document.addEventListener("use-command", (event) => {
  if (event.target.closest("#bulk") && chosen().length === 0) {
    ticked = boxOf(currentRow());
    if (ticked) {
      ticked.checked = true;
      show();
    } else {
      event.preventDefault();
    }
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
  focusOn(currentRow());
}

function focusOn(row) {
  if (row) {
    makeCurrent(row);
    row.querySelector("a.title").focus({ preventScroll: true });
  }
}

/* What is shown before it is done has a page of its own. */
document.addEventListener("submit", (event) => {
  if (event.target !== bar()) {
    return;
  }
  const keys = chosen().map((box) => box.value);
  if (isAll() || keys.length > Number(bar().dataset.shownFirst)) {
    event.stopPropagation();
  } else {
    sent = { keys, advances: event.submitter.dataset.advance !== undefined };
    foresee(keys, event.submitter);
  }
}, true);

/* A row that is exchanged stays the current one. */
let kept;
document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
  const row = event.detail.target;
  kept = row.matches(".row[data-current]") ? row.dataset.key : kept;
});
document.body.addEventListener("htmx:afterRequest", () => {
  if (kept && !currentRow()) {
    focusOn(rows().find((row) => row.dataset.key === kept));
  }
  kept = undefined;
});

/* Rows that were changed are there anew; after a deed that settles an issue the next one is looked at. */
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== bar() || !sent) {
    return;
  }
  const { keys, advances } = sent;
  sent = undefined;
  undoForeseen();
  if (!event.detail.successful) {
    waiting.length = 0;
    leave();
    return;
  }
  ticked = undefined;
  bar().reset();
  const all = rows();
  const last = all.findLastIndex((row) => keys.includes(row.dataset.key));
  focusOn((advances && all[last + 1]) || all[last]);
  while (waiting.length && !sent) {
    waiting.shift()();
  }
});

show();

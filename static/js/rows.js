/* The rows of a list: one of them is the current one, and keys lead from one to the next. */
import { onCommand } from "./commands.js";

export function rows() {
  return [...document.querySelectorAll(".row[data-key]")];
}

/** The row that keys are about, null before any is. */
export function currentRow() {
  return document.querySelector(".row[data-current]");
}

export function makeCurrent(row) {
  currentRow()?.removeAttribute("data-current");
  row.setAttribute("data-current", "");
  rove(row);
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  const place = all.indexOf(currentRow());
  goTo(all[place < 0 ? 0 : Math.min(Math.max(place + by, 0), all.length - 1)]);
}

/** To the next row, or the one before, that others have changed since one looked at its issue. */
function stepUnread(by) {
  const all = rows();
  const place = all.indexOf(currentRow());
  const beyond = by > 0 ? all.slice(place + 1) : all.slice(0, Math.max(place, 0)).reverse();
  goTo(beyond.find((row) => "unread" in row.dataset));
}

/** Make a row the current one, if there is one, and put the focus on it. */
export function goTo(row) {
  if (row) {
    makeCurrent(row);
    row.querySelector("a.title").focus({ preventScroll: true });
  }
}

/* With keys one walks through the rows, so that Tab stops at one of them alone. */
function rove(row) {
  const isWalked = document.documentElement.dataset.shortcuts === "on";
  for (const other of isWalked ? rows() : []) {
    other.querySelectorAll("a.title, .pick input").forEach((stop) => (stop.tabIndex = other === row ? 0 : -1));
  }
}

/* Who comes from the page of an issue goes on from its row. */
const left = /\/issues\/([A-Z0-9]+-\d+)\/$/.exec(document.referrer)?.[1];

rove(rows()[0]);
goTo(rows().find(({ dataset }) => dataset.key === left));
const isThere = () => rows().length > 0;
onCommand("next-row", () => step(1), isThere);
onCommand("previous-row", () => step(-1), isThere);
onCommand("next-unread", () => stepUnread(1), isThere);
onCommand("previous-unread", () => stepUnread(-1), isThere);
onCommand("open-row", () => currentRow().querySelector("a.title").click(), () => currentRow() !== null);

document.addEventListener("focusin", (event) => {
  const row = event.target.closest(".row[data-key]");
  if (row) {
    makeCurrent(row);
  }
});

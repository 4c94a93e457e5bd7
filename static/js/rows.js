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
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  const place = all.indexOf(currentRow());
  const next = all[place < 0 ? 0 : Math.min(Math.max(place + by, 0), all.length - 1)];
  makeCurrent(next);
  next.querySelector("a.title").focus({ preventScroll: true });
}

const isThere = () => rows().length > 0;
onCommand("next-row", () => step(1), isThere);
onCommand("previous-row", () => step(-1), isThere);
onCommand("open-row", () => currentRow().querySelector("a.title").click(), () => currentRow() !== null);

document.addEventListener("focusin", (event) => {
  const row = event.target.closest(".row[data-key]");
  if (row) {
    makeCurrent(row);
  }
});

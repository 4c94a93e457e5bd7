/*
 * A row says at once what a deed is about to make of it. The answer brings the rows as they have become; one
 * that it leaves out says again what it said.
 */
import { rows } from "./rows.js";

/** Show the status that `button` of the bar gives in the rows of these keys; a function that takes it back. */
export function foresee(keys, button) {
  const { of, becomes } = wanted(button);
  const badges = rows()
    .filter((row) => keys.includes(row.dataset.key))
    .map((row) => row.querySelector(".badge.status"))
    .filter((badge) => of.some((status) => badge.classList.contains(status)));
  const foreseen = badges.map((badge) => [badge, badgeOf(becomes, badge)]);
  foreseen.forEach(([badge, fresh]) => badge.replaceWith(fresh));
  return () => foreseen.forEach(([badge, fresh]) => fresh.replaceWith(badge));
}

function wanted({ dataset, form, value }) {
  const { status } = form;
  return value === "set" && status.value
    ? { of: [...status.options].map((option) => option.value), becomes: status.value }
    : { of: dataset.of?.split(" ") ?? [], becomes: dataset.becomes };
}

/** A badge like another, of this status. */
function badgeOf(status, badge) {
  const { text } = document.querySelector(`#bulk-status option[value=${status}]`);
  const fresh = badge.cloneNode(true);
  fresh.className = `badge status ${status}`;
  fresh.title = text;
  fresh.lastChild.textContent = text;
  return fresh;
}

/*
 * The parts of an issue's page that come anew with the answer to a change (`hx-select-oob`).
 *
 * What somebody is typing stays, and so does a field that was changed again before its answer came. That one
 * takes over the version of the answer, which the person has seen: it was their own change.
 */
const waiting = new Set();
const asked = new Set();
const FIELD = "[id^=rail-]";
const TYPED = "input:not([type=hidden], [type=checkbox], [type=radio]), textarea";

document.addEventListener("change", (event) => noteChange(event.target.closest(FIELD)), true);
document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  waiting.delete(elt);
  if (elt.matches(FIELD)) {
    asked.add(elt);
  }
  for (const field of elt.querySelectorAll(TYPED)) {
    field.defaultValue = field.value;
  }
});
document.addEventListener("htmx:beforeOnLoad", ({ detail }) => asked.delete(detail.elt));
document.addEventListener("htmx:sendError", ({ detail }) => asked.delete(detail.elt));
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const part = fragment.firstElementChild;
  if (waiting.has(target) || asked.has(target)) {
    event.detail.shouldSwap = false;
    target.setAttribute("hx-vals", part?.getAttribute("hx-vals") ?? "");
  } else if ([...target.querySelectorAll(TYPED)].some((field) => field.value !== field.defaultValue)) {
    event.detail.shouldSwap = false;
  } else {
    keepOpen(target, part);
  }
});
document.addEventListener("submit", (event) => {
  // Enter in a field of the rail: the field has saved itself.
  if (event.target.matches(".controls") && !event.target.querySelector(".unsaved")) {
    event.preventDefault();
  }
});

function noteChange(control) {
  if (control) {
    waiting.add(control);
  }
}

/** What is unfolded stays so. */
function keepOpen(target, part) {
  const [old, fresh] = [target, part].map((place) => place?.querySelectorAll("details") ?? []);
  if (old.length === fresh.length) {
    old.forEach((details, number) => (fresh[number].open ||= details.open));
  }
}

/* A deed by key that follows another at once goes by what that one made of the issue. */
document.addEventListener("use-command", (event) => {
  const { keys } = event.target.dataset;
  if (event.target.closest(".quick") && isSending()) {
    event.preventDefault();
    pressLater(keys);
  }
});

function isSending() {
  return document.querySelector("form.htmx-request") !== null;
}

function pressLater(keys) {
  if (isSending()) {
    document.body.addEventListener("htmx:afterRequest", () => pressLater(keys), { once: true });
  } else {
    document.querySelector(`.quick [data-keys="${keys}"]`)?.click();
  }
}

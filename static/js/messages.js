/* What an action says: it goes by itself after a while, but not while somebody looks at it. */
const SHOWN = 10_000;

const place = document.getElementById("messages");
// What is said here stands in the page, in its language.
const words = document.getElementById("commands")?.dataset ?? {};
if (place) {
  new MutationObserver((changes) => changes.flatMap((change) => [...change.addedNodes]).forEach(watch)).observe(place, {
    childList: true,
  });
  [...place.children].forEach(watch);
}

function watch(note) {
  if (note.matches?.(".note:not(.error)")) {
    setTimeout(() => leave(note), SHOWN);
  }
}

function leave(note) {
  if (note.matches(":hover, :focus-within")) {
    setTimeout(() => leave(note), SHOWN / 4);
  } else if (note.querySelector("[data-keys=z]")) {
    // Its key undoes it still.
    note.style.display = "none";
  } else {
    note.remove();
  }
}

document.body.addEventListener("htmx:sendError", () => say(words.silent));
document.body.addEventListener("htmx:responseError", (event) => {
  const request = event.detail.xhr.getResponseHeader("X-Request-ID");
  const known = request ? ` ${words.request.replace("{}", request)}` : "";
  say(words.failed.replace("{}", event.detail.xhr.status) + known);
});

// What was undone is not undone again.
document.body.addEventListener("htmx:afterRequest", (event) => event.target.closest?.(".messages .note")?.remove());
document.body.addEventListener("htmx:beforeSwap", (event) => {
  // Whoever is signed out is led to the form, of which no part belongs on this page.
  if (words.login && new URL(event.detail.xhr.responseURL).pathname === words.login) {
    event.detail.shouldSwap = false;
    say(words.signedOut);
  }
});

// A browser without a network would leave the page for one of its own.
document.addEventListener("submit", (event) => {
  if (!navigator.onLine) {
    event.preventDefault();
    event.stopImmediatePropagation();
    say(words.silent);
  }
}, true);

/** Show a sentence about something that was done; it goes by itself. */
export function tell(text) {
  const note = document.createElement("div");
  note.className = "note success";
  note.textContent = text;
  place?.append(note);
}

/** Show a sentence about something that went wrong. */
export function say(text) {
  const note = document.createElement("div");
  note.className = "note error";
  note.append(document.createElement("span"), document.createElement("button"));
  note.firstElementChild.textContent = text;
  note.lastElementChild.textContent = words.dismiss;
  note.lastElementChild.addEventListener("click", () => note.remove());
  place?.append(note);
}

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

document.body.addEventListener("htmx:sendError", ({ detail }) => offerAgain(words.silent, detail));
document.body.addEventListener("htmx:responseError", ({ detail }) => {
  const request = detail.xhr.getResponseHeader("X-Request-ID");
  const known = request ? ` ${words.request.replace("{}", request)}` : "";
  const text = words.failed.replace("{}", detail.xhr.status) + known;
  if (isLost(detail)) {
    offerAgain(text, detail);
  } else {
    say(text);
  }
});

/** Whether a request was not understood at all, and may be the next time. */
function isLost({ xhr }) {
  return xhr.status === 0 || xhr.status >= 500;
}

/**
 * Say what went wrong, with a button that sends the request again where it may have arrived and that does no harm:
 * a question, or a change that says which version of the issue it is about. Else the person decides.
 */
function offerAgain(text, { requestConfig, target, etc }) {
  const { verb, path, elt, formData: values } = requestConfig;
  if (verb !== "get" && !values.has("version")) {
    say(`${text} ${words.again}`);
    return;
  }
  const again = { source: elt, target, values, swap: etc.swapOverride };
  const note = say(text, () => htmx.ajax(verb, path, again).catch(() => {}));
  elt.addEventListener("htmx:beforeRequest", () => note.remove(), { once: true });
}

// What was undone is not undone again.
document.body.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (!isLost(detail)) {
    target.closest?.(".messages .note")?.remove();
  }
});
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
    say(`${words.silent} ${words.again}`);
  }
}, true);

/** Show a sentence about something that was done, which goes by itself, or of another kind of note. */
export function tell(text, kind = "success") {
  const note = document.createElement("div");
  note.className = `note ${kind}`;
  note.append(document.createElement("span"));
  note.firstElementChild.textContent = text;
  place?.append(note);
  return note;
}

/** Show a sentence about something that went wrong, and a button for `retry` where that is given. */
function say(text, retry) {
  const note = tell(text, "error");
  for (const [name, run] of [[words.retry, retry], [words.dismiss, () => {}]]) {
    const button = document.createElement("button");
    button.textContent = name;
    button.addEventListener("click", () => {
      note.remove();
      run();
    });
    note.append(...(run ? [button] : []));
  }
  return note;
}

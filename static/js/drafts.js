/*
 * Drafts: what is typed into a form with a `[data-draft]` composer goes to that address when somebody pauses
 * or leaves. What the server did not take stays in this browser, and is there when the page is opened again.
 */
import { areaOf, everyComposer, saying } from "./composer.js";

const PAUSE = 5000;
// Browsers send no more than 64 KiB for a page that is gone.
const LAST_WORDS = 60_000;
const KEPT = ["version", "title", "description", "content"];
// Of forms that say what no draft does: {timer, request}.
const waiting = new Map();

everyComposer((composer) => {
  const texts = composer.dataset.draft && keptHere(composer);
  if (texts?.isSent && isShown(texts)) {
    forgetHere(composer);
  } else if (texts) {
    bringBack(composer, texts);
  }
});

document.addEventListener("input", (event) => {
  const composer = drafted(event.target.form);
  if (composer && KEPT.includes(event.target.name)) {
    later(composer);
  }
});

// Before htmx takes it; a form that waits for its files does not come here.
document.addEventListener("submit", ({ target }) => drafted(target) && send(drafted(target)), true);

addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", () => document.hidden && leave());

function leave() {
  [...waiting.keys()].forEach((composer) => keep(composer, true));
}

function drafted(form) {
  return form?.querySelector?.("[data-composer][data-draft]") ?? null;
}

function place(composer) {
  return `draft ${composer.dataset.writer} ${composer.dataset.draft}`;
}

function later(composer) {
  forget(composer);
  waiting.set(composer, { timer: setTimeout(() => keep(composer), PAUSE) });
}

/** Whether it arrives is not known here: what only this browser has stays until a page shows it. */
function send(composer) {
  forget(composer);
  if (keptHere(composer)) {
    keepHere(composer, { ...textsOf(composer), isSent: true });
  }
}

/** Whether the page has the first words of what was sent. */
function isShown({ content, description }) {
  const [page, sent] = [document.getElementById("main").textContent, content ?? description ?? ""].map(wordsOf);
  return sent !== "" && page.includes(sent.slice(0, 60));
}

function wordsOf(text) {
  return text.replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

/** No draft any more of what is in the form now. */
function forget(composer) {
  const { timer, request } = waiting.get(composer) ?? {};
  clearTimeout(timer);
  request?.abort();
  waiting.delete(composer);
}

async function keep(composer, isLeaving = false) {
  const line = composer.querySelector("[data-draft-line]");
  const texts = textsOf(composer);
  const body = new URLSearchParams({ ...texts, csrfmiddlewaretoken: token(composer) });
  if (isLeaving && String(body).length > LAST_WORDS) {
    keepHere(composer, texts);
    return;
  }
  forget(composer);
  const request = new AbortController();
  waiting.set(composer, { request });
  try {
    const answer = await fetch(composer.dataset.draft, {
      method: "POST",
      body,
      keepalive: isLeaving,
      redirect: "manual",
      signal: isLeaving ? undefined : request.signal,
      headers: { "HX-Request": "true" },
    });
    if (!answer.ok && answer.status !== 422) {
      throw new Error(answer.status);
    }
    line.innerHTML = await answer.text();
    forgetHere(composer);
  } catch {
    if (!request.signal.aborted) {
      keepHere(composer, texts);
      line.textContent = saying(composer, "kept-here");
    }
  }
  if (waiting.get(composer)?.request === request) {
    waiting.delete(composer);
  }
}

function textsOf(composer) {
  const said = new FormData(composer.closest("form"));
  return Object.fromEntries(KEPT.filter((name) => said.has(name)).map((name) => [name, said.get(name)]));
}

function token(composer) {
  return composer.closest("form").elements.csrfmiddlewaretoken.value;
}

function keepHere(composer, texts) {
  try {
    localStorage.setItem(place(composer), JSON.stringify(texts));
  } catch {
    // There is no room, or the person wants nothing kept.
  }
}

function forgetHere(composer) {
  try {
    localStorage.removeItem(place(composer));
  } catch {
    // Then nothing is kept there either.
  }
}

function keptHere(composer) {
  try {
    return JSON.parse(localStorage.getItem(place(composer)));
  } catch {
    return null;
  }
}

/** Show what only this browser has, and try again to hand it over. */
function bringBack(composer, texts) {
  const { elements } = composer.closest("form");
  forgetHere(composer);
  if (areaOf(composer).value !== areaOf(composer).defaultValue) {
    return;
  }
  for (const [name, text] of Object.entries(texts)) {
    if (KEPT.includes(name) && elements[name]) {
      elements[name].value = text;
    }
  }
  composer.querySelector("[data-draft-line]").textContent = saying(composer, "from-here");
  keep(composer);
}

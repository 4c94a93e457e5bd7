/*
 * Pages that stay open: each `data-live` element asks its question again every while (`hx-trigger="live"`), but
 * not in a tab that nobody sees. Where there is nothing new the answer is 304, or what is said already.
 */
const PAUSE = 20_000;
const LIVE = "[data-live]";

let asked = Date.now();

function ask() {
  if (!document.hidden && Date.now() - asked >= PAUSE) {
    asked = Date.now();
    document.querySelectorAll(LIVE).forEach((element) => htmx.trigger(element, "live"));
  }
}

setInterval(ask, PAUSE / 4);
document.addEventListener("visibilitychange", ask);

/* What is said already is not said again, or a screen reader would tell it every time. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, serverResponse } = event.detail;
  if (target.matches(LIVE) && target.innerHTML.trim() === serverResponse.trim()) {
    event.detail.shouldSwap = false;
  }
});

/* It may work again the next time, so nobody hears of it; who has signed out is asked no more. */
for (const name of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(name, quieten, true);
}

function quieten(event) {
  if (event.target.matches?.(LIVE)) {
    event.stopPropagation();
    if (event.detail.xhr.status === 401) {
      event.target.remove();
    }
  }
}

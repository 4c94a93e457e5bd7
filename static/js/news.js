/* Whether the page of an issue is still up to date: asked every now and then, but not of a page out of sight. */
const PAUSE = 20_000;
let last = Date.now();

if (place()) {
  setInterval(look, PAUSE);
  document.addEventListener("visibilitychange", () => Date.now() - last > PAUSE && look());
}

function place() {
  return document.querySelector("[data-news]");
}

async function look() {
  const asking = place();
  if (document.hidden || !asking) {
    return;
  }
  last = Date.now();
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href, "If-None-Match": asking.dataset.version };
  try {
    const answer = await fetch(asking.dataset.news, { headers });
    // Who is signed out is led elsewhere, and what the page has become since is not to be told of.
    if (answer.status === 200 && !answer.redirected && place() === asking) {
      asking.innerHTML = await answer.text();
      htmx.process(asking);
    }
  } catch {
    // No network: the next time will do.
  }
}

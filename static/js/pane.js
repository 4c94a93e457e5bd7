/*
 * The pane beside a list, where there is room for it: a title opens its issue there, and the address says which.
 *
 * Forms within the pane are answered with the pane (hx-boost), and with the row of its issue as it is then.
 */
import { currentRow, makeCurrent, rows } from "./rows.js";

const PAUSE = 150;
const WIDE = matchMedia("(min-width: 1200px)");
const WHOLE = { swap: "innerHTML show:none" };
const RENEWAL = { swap: "none settle:0ms", selectOOB: "#pane-head,#pane-facts" };
const pane = document.getElementById("pane");
let timer, renewal;

if (pane) {
  keepCount();
  document.addEventListener("click", onClick);
  document.addEventListener("focusin", follow);
  window.addEventListener("popstate", () => shown() !== wanted() && (wanted() ? load(wanted()) : empty()));
  pane.addEventListener("htmx:afterSwap", refresh);
  document.body.addEventListener("htmx:oobBeforeSwap", onRow);
  const row = rows().find(({ dataset }) => dataset.key === wanted());
  if (row && WIDE.matches) {
    makeCurrent(row);
  }
}

/** The key of the issue that the address asks for, and that of the one in the pane. */
function wanted() {
  return new URL(location).searchParams.get("sel");
}

function shown() {
  return pane.querySelector("[data-issue]")?.dataset.issue ?? null;
}

function onClick(event) {
  const isPlain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  const title = event.target.closest(".list-column .row a.title");
  const close = event.target.closest("#pane a.close");
  if (isPlain && title && WIDE.matches) {
    event.preventDefault();
    open(title.closest(".row"), "pushState");
  } else if (isPlain && close) {
    event.preventDefault();
    write("pushState", null);
    empty();
    currentRow()?.querySelector("a.title").focus({ preventScroll: true });
  }
}

function open(row, how) {
  clearTimeout(timer);
  makeCurrent(row);
  if (row.dataset.key !== wanted()) {
    write(how, row.dataset.key);
  }
  load(row.dataset.key);
}

/** While the pane is open it shows the row to which one has walked. */
function follow(event) {
  clearTimeout(timer);
  const row = event.target.closest(".list-column .row");
  if (row && event.target.matches("a.title") && shown() && WIDE.matches) {
    timer = setTimeout(() => shown() && row.dataset.key !== shown() && open(row, "replaceState"), PAUSE);
  }
}

function write(how, key) {
  const address = new URL(location);
  if (key) {
    address.searchParams.set("sel", key);
  } else {
    address.searchParams.delete("sel");
  }
  history[how](null, "", address);
}

/** That the address says how many there were lets a reload tell how many of them are handled. */
function keepCount() {
  const address = new URL(location);
  if (pane.dataset.of && !address.searchParams.has("of")) {
    address.searchParams.set("of", pane.dataset.of);
    history.replaceState(null, "", address);
  }
}

function load(key, how = WHOLE) {
  const { issue } = document.getElementById("commands").dataset;
  mark(key);
  window.htmx.ajax("GET", issue.replace("KEY", key), { target: pane, source: pane, ...how });
}

/** A row that comes anew with a deed in the list says that the pane is old, but for what is written there. */
function onRow({ detail: { target } }) {
  if (target.matches(".row") && target.dataset.key === shown()) {
    renew();
  }
}

function renew() {
  clearTimeout(renewal);
  renewal = setTimeout(() => shown() === wanted() && load(shown(), RENEWAL));
}

function empty() {
  clearTimeout(timer);
  window.htmx.trigger(pane, "htmx:abort");
  pane.replaceChildren();
  mark(null);
}

function mark(key) {
  for (const row of rows()) {
    const title = row.querySelector("a.title");
    title.removeAttribute("aria-current");
    if (row.dataset.key === key) {
      title.setAttribute("aria-current", "true");
    }
  }
}

/** The row in the list becomes that which came with the pane, once, and stays selected; unless it is newer. */
function refresh() {
  const template = pane.querySelector("template[data-row]");
  const fresh = template?.content.firstElementChild;
  template?.remove();
  const row = rows().find(({ dataset }) => dataset.key === fresh?.dataset.key);
  pane.scrollTop = 0;
  if (row && new Date(fresh.dataset.at) < new Date(row.dataset.at)) {
    renew();
    return;
  }
  for (const cell of row ? [...fresh.children] : []) {
    row.querySelector(`:scope > .${cell.classList[0]}`)?.replaceWith(cell);
  }
  row?.toggleAttribute("data-unread", "unread" in fresh.dataset);
  row?.setAttribute("data-at", fresh.dataset.at);
}

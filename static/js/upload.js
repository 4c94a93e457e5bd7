/*
 * Files that are pasted, dropped or chosen in a composer: they go up at once, and the text shows them. Cells of
 * a spreadsheet become a table.
 */
import { areaOf, composerOf, put, saying } from "./composer.js";

// Of forms whose files are on their way: {number, submitter}.
const busy = new Map();

/** The key of the space of which a composer's text will be. */
export function spaceOf(composer) {
  return composer.dataset.space || composer.closest("form").elements.space?.value || "";
}

document.addEventListener("paste", (event) => take(event, event.clipboardData));
document.addEventListener("drop", (event) => take(event, event.dataTransfer));
document.addEventListener("dragover", (event) => {
  const composer = composerOf(event.target);
  if (composer && event.dataTransfer.types.includes("Files")) {
    event.preventDefault();
    composer.dataset.over = "";
  }
});
for (const name of ["dragleave", "drop", "dragend"]) {
  document.addEventListener(name, (event) => composerOf(event.target)?.removeAttribute("data-over"));
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-composer] [data-files]")) {
    [...event.target.files].forEach((file) => send(composerOf(event.target), file));
    event.target.value = "";
  }
});

// Who sends the form meanwhile sends it when the files are there.
document.addEventListener(
  "submit",
  (event) => {
    const work = busy.get(event.target);
    if (work && event.submitter?.formNoValidate !== true) {
      event.preventDefault();
      event.stopImmediatePropagation();
      work.submitter = event.submitter;
    }
  },
  true,
);

function take(event, data) {
  const composer = composerOf(event.target);
  // What was copied from a table or a text comes with a picture of itself: there the text is meant.
  const text = event.type === "paste" ? data?.getData("text/plain") : "";
  if (composer && data?.files.length && !text) {
    event.preventDefault();
    [...data.files].forEach((file) => send(composer, file));
  } else if (composer && text && data.types.includes("text/html") && isTable(text)) {
    event.preventDefault();
    put(areaOf(composer), asTable(text));
  }
}

/** Whether a text is cells of a spreadsheet: the same number of tabs in each of its lines. */
function isTable(text) {
  const tabs = linesOf(text).map((line) => line.split("\t").length);
  return tabs.length > 1 && tabs[0] > 1 && tabs.every((number) => number === tabs[0]);
}

function asTable(text) {
  const rows = linesOf(text).map((line) => line.split("\t").map((cell) => cell.trim().replace(/\|/g, "\\|")));
  const lines = [rows[0], rows[0].map(() => "---"), ...rows.slice(1)].map((cells) => `| ${cells.join(" | ")} |`);
  return `${lines.join("\n")}\n`;
}

function linesOf(text) {
  return text.trimEnd().split(/\r?\n/);
}

function send(composer, file) {
  const form = composer.closest("form");
  const area = areaOf(composer);
  const place = saying(composer, "uploading", file.name.replace(/[[\]]/g, ""));
  const most = Number(composer.dataset.most);
  if (file.size > most) {
    complain(composer, saying(composer, "too-large", file.name));
    return;
  }
  const row = item(composer, "progress", file.name);
  const bar = row.querySelector("progress");
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  body.append("space", spaceOf(composer));
  body.append("file", file);
  const start = area.selectionStart > 0 && area.value[area.selectionStart - 1] !== "\n" ? "\n" : "";
  put(area, `${start}[${place}]()\n`);
  work(form, 1);
  row.querySelector("[data-stop]").addEventListener("click", () => request.abort());
  request.upload.addEventListener("progress", (event) => (bar.value = event.loaded / event.total));
  request.addEventListener("loadend", () => {
    row.remove();
    const isDone = request.status === 201;
    replace(area, `[${place}]()`, isDone ? request.responseText : "");
    if (!isDone && request.status !== 0) {
      const isSaid = request.status === 422;
      complain(composer, isSaid ? `${file.name}: ${request.responseText}` : saying(composer, "not-sent", file.name));
    }
    work(form, -1, isDone);
  });
  request.addEventListener("error", () => complain(composer, saying(composer, "not-sent", file.name)));
  request.open("POST", composer.dataset.upload);
  request.send(body);
}

/** Count what is on its way; at the end of it all the form goes, if that was asked for. */
function work(form, by, isDone = true) {
  const found = busy.get(form) ?? { number: 0, submitter: null };
  found.number += by;
  if (!isDone) {
    found.submitter = null;
  }
  busy.set(form, found);
  if (!found.number) {
    busy.delete(form);
    if (found.submitter) {
      found.submitter.click();
    }
  }
}

/** Put what shows a file in the place that was held for it, wherever the cursor is by now. */
function replace(area, place, text) {
  const from = area.value.indexOf(place);
  if (from < 0) {
    return;
  }
  area.setRangeText(text, from, from + place.length, "preserve");
  area.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function complain(composer, text) {
  const row = item(composer, "error", text);
  row.querySelector("[data-stop]").addEventListener("click", () => row.remove());
}

function item(composer, kind, text) {
  const words = composer.querySelector("[data-words]").content;
  const row = words.querySelector(kind === "error" ? "li.error" : "li").cloneNode(true);
  row.querySelector(".name").textContent = text;
  composer.querySelector(".uploads").append(row);
  return row;
}

/* Copies the link of an issue: that of the page, or of the current row. */
import { onCommand } from "./commands.js";
import { tell } from "./messages.js";
import { currentRow } from "./rows.js";

onCommand("copy-link", () => copy("copy-link", link()), () => issue() !== null);
onCommand("copy-markdown", () => copy("copy-markdown", `[${title()}](${link()})`), () => issue() !== null);

function issue() {
  return document.querySelector(".issue[data-link]") ?? currentRow()?.querySelector("a.title") ?? null;
}

function link() {
  return new URL(issue().dataset.link ?? issue().href, location.href).href;
}

function title() {
  const row = issue().closest(".row");
  const text = issue().dataset.title ?? `${row.dataset.key} ${issue().textContent}`;
  return text.replace(/[[\]\\]/g, "\\$&");
}

async function copy(command, text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {
    // A host without https has no clipboard but this one.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  tell(document.querySelector(`[data-command=${command}]`).dataset.said);
}

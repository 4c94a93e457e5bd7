/* Copies the link of an issue, and what its branch may be called: of the page, or of the current row. */
import { onCommand } from "./commands.js";
import { tell } from "./messages.js";
import { currentRow } from "./rows.js";

const BRANCH = 60;
const COPIED = {
  "copy-link": link,
  "copy-markdown": () => `[${title().replace(/[[\]\\]/g, "\\$&")}](${link()})`,
  "copy-branch": branch,
};
for (const [command, text] of Object.entries(COPIED)) {
  onCommand(command, () => copy(command, text()), () => issue() !== null);
}

function issue() {
  return document.querySelector(".issue[data-link]") ?? currentRow()?.querySelector("a.title") ?? null;
}

function link() {
  return new URL(issue().dataset.link ?? issue().href, location.href).href;
}

/** The key of the issue and its title. */
function title() {
  return issue().dataset.title ?? `${issue().closest(".row").dataset.key} ${issue().textContent}`;
}

/** "ops-42-customer-id-nulls": whole words without accents, as many as there is room for. */
function branch() {
  const plain = title().normalize("NFKD").replace(/[\u0300-\u036f]/g, "").normalize("NFC").toLowerCase();
  const words = plain.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/-$/, "");
  return words.length > BRANCH ? words.slice(0, BRANCH + 1).replace(/-[^-]*$/, "") : words;
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

/* The way back to the list from which somebody came, with what it was asked for. */
import { onCommand } from "./commands.js";
import { rows } from "./rows.js";

const KEPT = "list";

addEventListener("pagehide", () => rows().length && sessionStorage.setItem(KEPT, location.href));
onCommand("back", () => location.assign(sessionStorage.getItem(KEPT) ?? link().href), () => link() !== null);

function link() {
  return document.querySelector("a[data-command=back]");
}

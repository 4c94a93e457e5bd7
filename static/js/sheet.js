/* The sheet of keys. */
import { allCommands, keyCaps, onCommand } from "./commands.js";

const dialog = document.getElementById("sheet");

if (dialog) {
  onCommand("keys", open);
  dialog.addEventListener("click", (event) => event.target.matches("dialog, .close") && dialog.close());
}

function open() {
  const groups = {};
  for (const entry of allCommands().filter(({ keys }) => keys)) {
    const rows = (groups[entry.group ?? ""] ??= new Map());
    rows.set(entry.keys, rows.get(entry.keys) ?? entry);
  }
  dialog.querySelector(".sheet-groups").replaceChildren(...Object.entries(groups).map(section));
  dialog.showModal();
}

function section([group, entries]) {
  const [shown, heading, rows] = ["section", "h3", "dl"].map((name) => document.createElement(name));
  heading.textContent = group;
  for (const { name, keys } of entries.values()) {
    const [row, term, value] = ["div", "dt", "dd"].map((name) => document.createElement(name));
    term.textContent = name;
    value.append(...keys.split("|").map(keyCaps));
    row.append(term, value);
    rows.append(row);
  }
  shown.append(heading, rows);
  return shown;
}

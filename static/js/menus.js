/* Menus that are <details>: one at a time, closed by a click elsewhere and by Escape, of which they hear first. */
const MENU = "details[data-menu]";

document.addEventListener("click", (event) => closeBut(event.target.closest(MENU)));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(`${MENU}[open]`);
  if (menu) {
    event.preventDefault();
    closeBut(null);
    menu.querySelector("summary").focus();
  }
});

function closeBut(kept) {
  for (const menu of document.querySelectorAll(`${MENU}[open]`)) {
    menu.open = menu === kept;
  }
}

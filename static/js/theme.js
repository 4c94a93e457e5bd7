/* Light, dark or high contrast, at a key and at once; a cookie tells the server for the next page. */
import { onCommand } from "./commands.js";

const THEMES = ["system", "light", "dark", "contrast"];
const YEAR = 365 * 24 * 60 * 60;

onCommand("theme", next);

function next() {
  const root = document.documentElement;
  const theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
}

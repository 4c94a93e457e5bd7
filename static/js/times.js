/* Times that say how long ago something was go on saying it; the words are those of the page. */
const PAUSE = 10_000;
const DAY = 86_400;
// As the server has them: no more than a month, and somebody's clock may be a little late.
const [LEAST, MOST] = [-60, 30 * DAY];
const SIZES = [DAY, 3_600, 60, 1];
const { now, ago } = document.getElementById("commands")?.dataset ?? {};

if (ago) {
  setInterval(say, PAUSE);
  document.addEventListener("visibilitychange", say);
}

function say() {
  for (const time of document.hidden ? [] : document.querySelectorAll("time[title]")) {
    const text = since((Date.now() - Date.parse(time.dateTime)) / 1000);
    if (text && text !== time.textContent) {
      time.textContent = text;
    }
  }
}

function since(seconds) {
  if (seconds < LEAST || seconds >= MOST) {
    return "";
  }
  const place = SIZES.findIndex((size) => seconds >= size);
  return seconds < 10 ? now : ago.split("|")[place].replace("{}", Math.floor(seconds / SIZES[place]));
}

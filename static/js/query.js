/* The box of a list: what may stand at the cursor is offered, and an order is taken as soon as it is chosen. */
import { listbox } from "./listbox.js";

const input = document.querySelector("#query #search");
const list = document.getElementById("completions");
let options;

if (input) {
  input.addEventListener("htmx:configRequest", (event) => (event.detail.parameters.cursor = cursor()));
  list.addEventListener("htmx:afterSwap", () => show(document.activeElement === input));
  options = listbox(input, list, take);
  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", () => show(false));
  input.form.elements.sort.addEventListener("change", () => input.form.requestSubmit());
  input.form.addEventListener("formdata", ({ formData }) => {
    for (const [name, value] of [...formData]) {
      if (!value) {
        formData.delete(name);
      }
    }
  });
}

/* With Alt a value of a facet is left out. */
document.addEventListener("click", (event) => {
  const value = event.altKey && event.target.closest(".facets .only");
  if (value) {
    event.preventDefault();
    value.nextElementSibling.click();
  }
});

/** The place of the cursor in characters, as the server counts them. */
function cursor() {
  return [...input.value.slice(0, input.selectionStart)].length;
}

function show(isShown) {
  list.hidden = !isShown || !list.children.length;
  input.setAttribute("aria-expanded", String(!list.hidden));
  options.mark(null);
}

function onKey(event) {
  if (!list.hidden) {
    options.move(event, {
      Tab: () => take(options.marked() ?? list.firstElementChild),
      Escape: () => show(false),
    });
  } else if (event.key === "ArrowDown" && !event.isComposing) {
    event.preventDefault();
    window.htmx.trigger(input, "complete");
  }
}

/** Write an option in place of what was begun; where more has to follow, offer that. */
function take(option) {
  const letters = [...input.value];
  const [start, end, { text }] = [Number(option.dataset.start), cursor(), option.dataset];
  const isWhole = !/[:<>=]$/.test(text);
  const written = text + (isWhole && letters[end] !== " " ? " " : "");
  letters.splice(start, Math.max(end - start, 0), written);
  input.value = letters.join("");
  const place = letters.slice(0, start + 1).join("").length;
  input.setSelectionRange(place, place);
  show(false);
  if (!isWhole) {
    window.htmx.trigger(input, "complete");
  }
}

/* The box of a list: what may stand at the cursor is offered, and an order is taken as soon as it is chosen. */
const input = document.querySelector("#query #search");
const list = document.getElementById("completions");

if (input) {
  input.addEventListener("htmx:configRequest", (event) => (event.detail.parameters.cursor = cursor()));
  list.addEventListener("htmx:afterSwap", () => show(document.activeElement === input));
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => take(event.target.closest("[role=option]")));
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

/** The place of the cursor in characters, as the server counts them. */
function cursor() {
  return [...input.value.slice(0, input.selectionStart)].length;
}

function show(isShown) {
  list.hidden = !isShown || !list.children.length;
  input.setAttribute("aria-expanded", String(!list.hidden));
  mark(null);
}

function marked() {
  return list.querySelector("[aria-selected=true]");
}

function mark(option) {
  marked()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option?.id ?? "");
}

function onKey(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  if (list.hidden) {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      window.htmx.trigger(input, "complete");
    }
    return;
  }
  const steps = {
    ArrowDown: () => mark(marked()?.nextElementSibling ?? list.firstElementChild),
    ArrowUp: () => mark(marked()?.previousElementSibling ?? list.lastElementChild),
    Tab: () => take(marked() ?? list.firstElementChild),
    Enter: () => take(marked()),
    Escape: () => show(false),
  };
  const isForList = event.key === "Enter" ? marked() : !event.shiftKey;
  if (steps[event.key] && isForList) {
    event.preventDefault();
    steps[event.key]();
  }
}

/** Write an option in place of what was begun; where more has to follow, offer that. */
function take(option) {
  if (!option) {
    return;
  }
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

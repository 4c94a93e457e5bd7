/* What lists of options have in common: a field keeps the cursor, and one of the options is marked. */

/**
 * A list under a field; `take` gets the option that is chosen. It comes back as
 * {mark(option or null), marked(), move(event, more)}: `move` does what a key means for the list, with `more` of
 * {key: deed} than arrows and Enter, and says whether the key was the list's.
 */
export function listbox(field, list, take) {
  const marked = () => list.querySelector("[aria-selected=true]");

  function mark(option) {
    marked()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", option?.id ?? "");
  }

  function move(event, more) {
    const steps = {
      ArrowDown: () => mark(marked()?.nextElementSibling ?? list.firstElementChild),
      ArrowUp: () => mark(marked()?.previousElementSibling ?? list.lastElementChild),
      Enter: marked() && (() => take(marked())),
      ...more,
    };
    const isOther = event.isComposing || event.ctrlKey || event.metaKey || event.altKey;
    const step = !isOther && (event.key === "Enter" || !event.shiftKey) && steps[event.key];
    if (step) {
      event.preventDefault();
      step();
    }
    return Boolean(step);
  }

  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) {
      take(option);
    }
  });
  return { mark, marked, move };
}

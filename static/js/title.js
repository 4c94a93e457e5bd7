/* The title of an issue, edited where it stands; without scripts the link leads to the form of the issue. */
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-edit-title]");
  const cancel = event.target.closest(".title-form [data-cancel]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    edit(link.closest(".title-part"), true);
  } else if (cancel) {
    edit(cancel.closest(".title-part"), false);
  }
});
document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && event.target.closest(".title-form");
  if (form) {
    event.preventDefault();
    edit(form.parentElement, false);
  }
});

function edit(part, isOpen) {
  const [shown, form] = [part.querySelector(".title-shown"), part.querySelector(".title-form")];
  shown.hidden = isOpen;
  form.hidden = !isOpen;
  if (isOpen) {
    form.elements.title.focus();
    form.elements.title.select();
  } else {
    form.reset();
    shown.querySelector("[data-edit-title]").focus();
  }
}

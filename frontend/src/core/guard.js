// A form is sent once at a time: the second click of a double click does nothing. The server keeps
// the answer by the form's key, so even a form that comes twice is recorded once.
import { first } from "./once.js";

export function guard(root) {
  if (root !== document || !first(document, "Guard")) return;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    if (form.method !== "post") return;
    form.dataset.sending = "yes";
    event.submitter?.classList.add("busy");
  }, true);
  const release = (event) => {
    const form = event.detail.ctx.sourceElement?.closest?.("form");
    if (form) free(form);
  };
  document.addEventListener("htmx:finally:request", release);
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sending]").forEach(free));
}

function free(form) {
  delete form.dataset.sending;
  form.querySelectorAll(".busy").forEach((button) => button.classList.remove("busy"));
}

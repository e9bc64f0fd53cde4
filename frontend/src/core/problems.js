// A refusal that comes as a fragment: it gets the focus, and the field it speaks of is marked.
// A request that failed says that nothing was recorded.
import { closeAll } from "./dialogs.js";
import { first } from "./once.js";

export function problems(root) {
  if (root === document && first(document, "Problems")) listen();
  if (root.id === "problem") closeAll();
  const problem = root.querySelector?.(".problem");
  if (!problem) return;
  mark(problem.dataset.field);
  if (root.id === "problem" || root === document) problem.focus();
}

function mark(code) {
  document.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
  if (!code) return;
  const field = document.getElementById(`field-${code}`);
  if (field instanceof HTMLDetailsElement) field.open = true;
  field?.querySelectorAll("input, textarea").forEach((input) => {
    if (input.type === "hidden" || input.name.startsWith("n-")) return;
    input.setAttribute("aria-invalid", "true");
    if (input.value) input.closest("details")?.setAttribute("open", "");
  });
}

function listen() {
  const lost = () => {
    const bar = document.getElementById("lost");
    bar.textContent = document.body.dataset.failed;
    bar.hidden = false;
  };
  document.addEventListener("htmx:error", lost);
  document.addEventListener("htmx:response:error", (event) => {
    if (event.detail.ctx.response.status >= 500) lost();
  });
}

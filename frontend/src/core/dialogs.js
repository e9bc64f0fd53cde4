// Native modals: opened by a button or by the server, closed by their own buttons; focus goes back to
// where it came from.
import { first } from "./once.js";

let opener = null;

export function dialogs(root) {
  if (root === document && first(document, "Dialogs")) listen();
  root.querySelectorAll("dialog[data-open-now]").forEach((dialog) => {
    if (!dialog.open) open(dialog, opener ?? document.activeElement);
  });
}

function listen() {
  document.addEventListener("submit", (event) => { opener = event.submitter; }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-dialog-open]");
    if (button) open(document.getElementById(button.dataset.dialogOpen), button);
    const closer = event.target.closest?.("[data-dialog-close]");
    const dialog = closer?.closest("dialog");
    if (dialog) { event.preventDefault(); dialog.close(); }
  });
}

export function open(dialog, from) {
  dialog.showModal();
  dialog.addEventListener("close", () => from?.isConnected && from.focus(), { once: true });
  dialog.querySelector("input:not([type=hidden]), [autofocus]")?.focus();
}

export function closeAll() {
  document.querySelectorAll("dialog[open]:not([data-no-escape])").forEach((dialog) => dialog.close());
}

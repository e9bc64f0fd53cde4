// A scanner types like a very fast keyboard and ends with Enter. Such a burst goes to the field that
// waits for a scan, wherever the focus is; normal typing is left alone.
import { first } from "./once.js";

const FASTEST_TYPIST_MS = 60;
const SHORTEST = 3;
let keys = "";
let last = 0;

export function scanner(root) {
  if (root === document && first(document, "Scanner")) document.addEventListener("keydown", onKey, true);
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const now = performance.now();
  if (now - last > FASTEST_TYPIST_MS) keys = "";
  last = now;
  if (event.key === "Enter" && keys.length >= SHORTEST) {
    const field = waiting();
    if (field && field !== document.activeElement) {
      event.preventDefault();
      event.stopPropagation();
      take(field, keys);
    } else if (field?.dataset.scanNext) {
      event.preventDefault();
      document.getElementById(field.dataset.scanNext)?.focus();
    }
    keys = "";
  } else if (event.key.length === 1) keys += event.key;
}

function waiting() {
  const scope = [...document.querySelectorAll("dialog[open]")].pop() ?? document;
  const fields = [...scope.querySelectorAll("[data-scan]")].filter((field) => field.offsetParent);
  const typing = document.activeElement instanceof HTMLInputElement;
  // Somebody who types fast elsewhere (a passphrase) must not end up in a field that is filled.
  return fields.find((field) => !field.value) ?? (typing ? undefined : fields[0]);
}

function take(field, code) {
  const stray = document.activeElement;
  if (stray instanceof HTMLInputElement && stray.value.endsWith(code)) stray.value = stray.value.slice(0, -code.length);
  field.value = code;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
  if (field.dataset.scanNext) document.getElementById(field.dataset.scanNext)?.focus();
  else if (field.form?.dataset.scanSubmit !== undefined) field.form.requestSubmit();
}

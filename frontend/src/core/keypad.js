// Number keys for gloves: a dialog with large keys that writes into the field it was opened for.
import { first } from "./once.js";
import { open } from "./dialogs.js";

let input = null;

export function keypad(root) {
  if (root === document && first(document, "Keypad")) listen();
}

function listen() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-keypad]");
    if (opener) begin(opener);
    const key = event.target.closest?.("#keypad [data-key]");
    if (key) press(key.dataset.key);
  });
}

function begin(opener) {
  input = document.getElementById(opener.dataset.keypad);
  const dialog = document.getElementById("keypad");
  dialog.querySelector("h2").textContent = input.labels?.[0]?.textContent ?? "";
  shown().textContent = input.value;
  open(dialog, opener);
}

const shown = () => document.getElementById("keypad-shown");

function press(key) {
  const text = shown().textContent;
  if (key === "cancel" || key === "done") {
    if (key === "done") {
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    document.getElementById("keypad").close();
  } else if (key === "back") shown().textContent = text.slice(0, -1);
  else if (key === "-") shown().textContent = text.startsWith("-") ? text.slice(1) : `-${text}`;
  else if (!(key === "." && text.includes(".")) && text.length < 14) shown().textContent = text + key;
}

// Number keys for gloves: a dialog with large keys that writes into the field it was opened for.
import { first } from "./once.js";
import { open } from "./dialogs.js";

let input = null;
let goesOn = false; // through the cells of a series, until all are filled

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
  goesOn = opener.dataset.keypadSeries !== undefined;
  const named = document.getElementById(opener.dataset.keypad);
  write(goesOn ? (nextEmpty(named) ?? named) : named);
  open(document.getElementById("keypad"), opener);
}

function write(into) {
  input = into;
  const name = input.getAttribute("aria-label") ?? input.labels?.[0]?.textContent ?? "";
  document.querySelector("#keypad h2").textContent = name;
  shown().textContent = input.value;
}

const shown = () => document.getElementById("keypad-shown");
const cells = (of) => [...of.closest("[data-series]").querySelectorAll("[data-series-value]")];
const nextEmpty = (of) => cells(of).find((cell) => !cell.value);

function press(key) {
  const text = shown().textContent;
  if (key === "cancel") document.getElementById("keypad").close();
  else if (key === "done") take(text);
  else if (key === "back") shown().textContent = text.slice(0, -1);
  else if (key === "-") shown().textContent = text.startsWith("-") ? text.slice(1) : `-${text}`;
  else if (!(key === "." && text.includes(".")) && text.length < 14) shown().textContent = text + key;
}

function take(text) {
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  const next = goesOn && text ? nextEmpty(input) : null;
  if (next) write(next);
  else document.getElementById("keypad").close();
}

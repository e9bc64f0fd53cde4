// In the form of a step Enter goes on to the next place and never sends: a scanner or a device that
// types ends each code with Enter, and the first button of the form may be one that takes a value.
import { first } from "./once.js";

export function entering(root) {
  const form = root.querySelector("#step-form");
  if (form && first(form, "Entering")) form.addEventListener("keydown", onKey);
}

function onKey(event) {
  const place = event.target;
  if (event.key !== "Enter" || event.defaultPrevented) return;
  if (!(place instanceof HTMLInputElement) || place.type === "file") return;
  event.preventDefault();
  goOn(place, 1);
}

// The next (or an earlier) place of the form that takes something, in the order of the page.
export function goOn(from, by) {
  const places = [...from.form.querySelectorAll("input:not([type=hidden]), select, textarea, button.main")]
    .filter((place) => place.checkVisibility() && !place.readOnly && !place.disabled);
  const found = places[places.indexOf(from) + by];
  found?.focus();
  if (found?.matches("[data-series-value]")) found.select();
}

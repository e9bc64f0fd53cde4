// While somebody types, the mark moves along the scale and the tier is named. The server judges again
// with exact decimals; this only warns early and never refuses.
import { first } from "./once.js";

export function limits(root) {
  root.querySelectorAll("[data-number]").forEach((input) => {
    if (!first(input, "Limits")) return;
    input.addEventListener("input", () => show(input));
    if (input.value) show(input);
  });
}

function show(input) {
  const field = input.closest(".field");
  const scale = field?.querySelector("[data-scale]");
  const place = field?.querySelector("[data-verdict]");
  if (scale && place) judge(scale, place, input.value);
}

// The breached tier of a typed number (null when it is none), shown on its scale and in words.
export function judge(scale, place, typed) {
  const about = JSON.parse(scale.dataset.scale);
  const number = numberOf(typed);
  const found = breached(about, number);
  move(scale, about, number);
  scale.classList.toggle("bad", Boolean(found) && found.tier !== "alert");
  scale.classList.toggle("alert", found?.tier === "alert");
  place.className = `verdict ${number === null ? "" : found ? (found.tier === "alert" ? "alert" : "bad") : "good"}`;
  place.textContent = number === null ? "" : found ? found.words : about.good;
  return found;
}

export function numberOf(typed) {
  const text = typed.trim().replace(",", ".");
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

// Tiers come from the outermost to the innermost: the first breached one counts.
export const breached = (about, number) =>
  number === null ? null : (about.tiers.find((tier) => outside(number, tier)) ?? null);

const outside = (number, tier) =>
  (tier.low !== null && number < Number(tier.low)) || (tier.high !== null && number > Number(tier.high));

function move(scale, about, number) {
  const mark = scale.querySelector(".scale-mark");
  if (number === null) { mark.setAttribute("x", "-25"); return; }
  const place = (1000 * (number - about.from)) / (about.to - about.from);
  mark.setAttribute("x", String(Math.max(0, Math.min(990, place - 5))));
}

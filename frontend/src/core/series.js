// Several numbers of one kind in a table: Enter and the arrow keys go from cell to cell, so that a
// gloved hand or a device that types like a keyboard fills it row by row. Mean, spread and limits are
// shown while it grows; the server calculates and judges again with exact decimals.
import { goOn } from "./entering.js";
import { breached, judge, numberOf } from "./limits.js";
import { first } from "./once.js";

export function series(root) {
  root.querySelectorAll("[data-series]").forEach((box) => {
    if (!first(box, "Series")) return;
    box.addEventListener("input", () => show(box));
    box.addEventListener("keydown", (event) => walk(event));
    show(box);
  });
}

const cells = (box) => [...box.querySelectorAll("[data-series-value]")];

function walk(event) {
  const cell = event.target.closest?.("[data-series-value]");
  if (!cell) return;
  const to = { Enter: 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!to) return;
  event.preventDefault();
  goOn(cell, to);
}

function show(box) {
  const typed = cells(box).map((cell) => ({ cell, number: numberOf(cell.value), text: plain(cell.value) }));
  const known = typed.filter((each) => each.number !== null);
  const worst = flag(box, typed);
  const figures = calculate(box, known.map((each) => each.text), known.length === typed.length);
  tell(box, known, typed.length);
  const verdict = box.querySelector("[data-series-verdict]");
  const said = [...worst.map(({ place, found }) => `${place}: ${found.words}`), ...figures];
  const text = said.slice(0, 3).join(" ");
  verdict.className = `verdict ${worst.some(({ found }) => found.tier !== "alert") ? "bad" : said.length ? "alert" : ""}`;
  if (verdict.textContent !== text) verdict.textContent = text;
}

const plain = (typed) => typed.trim().replace(",", ".");

// Each number against the limits of single values: a sign and a border at its cell.
function flag(box, typed) {
  const scale = box.querySelector("[data-single] [data-scale]");
  const about = scale ? JSON.parse(scale.dataset.scale) : null;
  return typed.flatMap(({ cell, number }, index) => {
    const found = about ? breached(about, number) : null;
    const bad = Boolean(found) && found.tier !== "alert";
    const sign = cell.closest("tr").querySelector("[data-sign]");
    cell.classList.toggle("bad", bad);
    cell.classList.toggle("alert", Boolean(found) && !bad);
    sign.textContent = bad ? "×" : found ? "▲" : number !== null && about ? "✓" : "";
    return found ? [{ place: index + 1, found }] : [];
  });
}

// What the recipe calculates from the numbers so far; breaches count once all are there.
function calculate(box, texts, whole) {
  const values = new Map();
  return [...box.querySelectorAll("[data-figure]")].flatMap((place) => {
    const value = texts.length ? figure(place.dataset, texts, values) : "";
    values.set(place.dataset.code, value);
    place.querySelector("[data-figure-value]").textContent = value ? written(value) : "–";
    const scale = place.querySelector("[data-scale]");
    const found = scale ? judge(scale, place.querySelector("[data-figure-verdict]"), value) : null;
    return found && whole ? [`${place.querySelector(".label").textContent.trim()}: ${found.words}`] : [];
  });
}

function figure({ figure: name, decimals, low, high, around }, texts, values) {
  const { whole, scale } = scaled(texts);
  const sorted = [...whole].sort((a, b) => (a < b ? -1 : 1));
  const sum = whole.reduce((total, each) => total + each, 0n);
  if (name === "mean") return rounded(sum, scale * BigInt(whole.length), decimals);
  if (name === "sum") return rounded(sum, scale, decimals);
  if (name === "min") return rounded(sorted[0], scale, decimals);
  if (name === "max") return rounded(sorted.at(-1), scale, decimals);
  const middle = Number(values.get(around));
  const beyond = (text) => Number(text) < low * middle || Number(text) > high * middle;
  return values.get(around) ? String(texts.filter(beyond).length) : "";
}

// The texts as whole numbers of one scale, so that sums are exact.
function scaled(texts) {
  const places = Math.max(...texts.map((text) => (text.split(".")[1] ?? "").length));
  const whole = texts.map((text) => {
    const [before, after = ""] = text.split(".");
    return BigInt(before + after.padEnd(places, "0"));
  });
  return { whole, scale: 10n ** BigInt(places) };
}

// Half up on the magnitude, as the recipe rounds.
function rounded(above, below, decimals) {
  const size = above < 0n ? -above : above;
  const units = (size * 10n ** BigInt(decimals) * 2n + below) / (2n * below);
  const digits = String(units).padStart(Number(decimals) + 1, "0");
  const cut = digits.length - decimals;
  const text = Number(decimals) ? `${digits.slice(0, cut)}.${digits.slice(cut)}` : digits;
  return above < 0n && units ? `-${text}` : text;
}

const written = (text) => (document.documentElement.lang === "de" ? text.replace(".", ",") : text);

// How many are there, their mean and spread, the lowest and the highest.
function tell(box, known, all) {
  const { of, mean, spread, unit } = box.dataset;
  const count = of.replace("{n}", String(known.length));
  const line = box.querySelector("[data-series-line]");
  if (known.length < 2) { line.textContent = count; return; }
  const texts = known.map((each) => each.text);
  const { whole, scale } = scaled(texts);
  const places = String(scale).length - 1;
  const sum = whole.reduce((total, each) => total + each, 0n);
  const middle = rounded(sum, scale * BigInt(whole.length), String(places + 1));
  const numbers = known.map((each) => each.number);
  const average = numbers.reduce((total, each) => total + each, 0) / numbers.length;
  const deviation = Math.sqrt(numbers.reduce((total, each) => total + (each - average) ** 2, 0) / (numbers.length - 1));
  const ends = `${Math.min(...numbers).toFixed(places)} … ${Math.max(...numbers).toFixed(places)}`;
  line.textContent = [count, ...(box.querySelector('[data-figure="mean"]') ? [] : [`${mean} ${written(middle)}`]), `${spread} ${written(deviation.toFixed(places + 1))}`, `${ends.replaceAll(".", written("."))} ${unit}`.trim()].join(" · ");
}

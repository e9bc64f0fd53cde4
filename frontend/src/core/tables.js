// A wide table in a narrow place becomes a list of its rows: each cell then carries the name of its
// column. The roles say that it stays a table where the style takes the display of one away.
import { first } from "./once.js";

const PLAIN = ".values, .signed-values, .series-table, .steps-done";
const FEW = 3, MANY = 6;

export function tables(root) {
  root.querySelectorAll(".table-scroll > table").forEach((table) => {
    const names = table.tHead?.rows[0]?.cells;
    if (!names || names.length < FEW || table.matches(PLAIN) || !first(table, "Stacks")) return;
    table.classList.add("stacks");
    const figures = [...names].filter((cell) => cell.matches(".numeric")).length;
    table.classList.toggle("figures", figures > names.length / 2);
    table.classList.toggle("many", names.length >= MANY);
    name(table, [...names].map((cell) => cell.innerText.replace(/[▲▼]/, "").trim()));
  });
}

function name(table, names) {
  table.setAttribute("role", "table");
  for (const part of [table.tHead, ...table.tBodies]) part.setAttribute("role", "rowgroup");
  for (const row of table.rows) {
    row.setAttribute("role", "row");
    const head = row.parentElement === table.tHead;
    [...row.cells].forEach((cell, place) => {
      cell.setAttribute("role", head ? "columnheader" : cell.tagName === "TH" ? "rowheader" : "cell");
      if (!head && names[place]) cell.dataset.label = names[place];
    });
  }
}

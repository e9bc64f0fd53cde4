// Island of the review page: keys J, K and A, only after the reviewer has switched them on.
// The switch is kept in this browser; keys never act while somebody types (WCAG 2.1.4).
const NAME = "batchwright-review-keys";

function start(place) {
  const box = place.querySelector("[data-keys-switch]");
  if (!box) return;
  place.querySelector("[data-keys]").hidden = false;
  box.checked = localStorage.getItem(NAME) === "on";
  box.addEventListener("change", () => localStorage.setItem(NAME, box.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (!box.checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
    const act = { j: () => go(place, 1), k: () => go(place, -1), a: () => accept(place) }[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
}

function go(place, by) {
  const links = [...place.querySelectorAll("[data-item]")];
  const here = links.findIndex((link) => link.hasAttribute("aria-current"));
  const next = links[here + by];
  if (next) next.click();
}

// Accepting asks for a reason first: the key leads to it, or opens the dialog when it is there.
function accept(place) {
  const form = place.querySelector("[data-decide]");
  if (!form) return;
  const reason = form.querySelector("textarea");
  if (reason.value.trim()) form.querySelector("[data-accept]").click();
  else reason.focus();
}

for (const place of document.querySelectorAll("[data-review]")) start(place);

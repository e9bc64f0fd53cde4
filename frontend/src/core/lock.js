// The lock: a modal over the page, whose content and typing stay. The server decides when; this shows
// it, tells the server that somebody works, and warns a minute before.
import { first } from "./once.js";

const TELL_EVERY_MS = 30000;
const WARN_SECONDS = 60;
let told = 0;

export function lock(root) {
  if (root !== document || !document.getElementById("lock-dialog") || !first(document, "Lock")) return;
  for (const type of ["keydown", "pointerdown"]) document.addEventListener(type, active, { passive: true });
  document.getElementById("lock-dialog").addEventListener("cancel", (event) => event.preventDefault());
  document.addEventListener("bw:locked", cover);
  document.addEventListener("bw:unlocked", uncover);
  if (document.body.dataset.session === "locked") cover();
}

function active() {
  const box = document.getElementById("lock-dialog");
  if (box.open || Date.now() - told < TELL_EVERY_MS) return;
  told = Date.now();
  const token = document.querySelector('input[name="csrf_token"]')?.value ?? "";
  fetch("/touch", { method: "POST", headers: { "X-CSRFToken": token }, redirect: "error" }).catch(() => {
    told = 0;
  });
}

export function seen(session) {
  const box = document.getElementById("lock-dialog");
  if (!box) return;
  if (session.state === "locked") cover();
  else if (session.state === "none") location.assign("/login");
  const warning = document.getElementById("warn-lock");
  const soon = session.state === "open" && session.locks_in_s !== null && session.locks_in_s <= WARN_SECONDS;
  warning.textContent = soon ? document.body.dataset.warning : "";
  warning.hidden = !soon;
}

function cover() {
  const box = document.getElementById("lock-dialog");
  if (box.open) return;
  box.showModal();
  document.getElementById("lock-passphrase").focus();
}

function uncover() {
  document.getElementById("lock-problem").replaceChildren();
  document.getElementById("lock-passphrase").value = "";
  told = Date.now();
  document.getElementById("lock-dialog").close();
}

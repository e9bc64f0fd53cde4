// Heartbeat and live values: one small question, each second on pages with tags, else every five.
// Without a good answer for six seconds the page says so and nothing can be sent.
import { first } from "./once.js";
import { seen } from "./lock.js";

const LOST_AFTER_MS = 6000;
const BACK_OFF_MS = [1000, 2000, 5000];
const BEAT_MS = 5000;
let since = "";
let good = Date.now();
let failures = 0;
let timer = 0;
let beaten = Date.now();

export function live(root) {
  if (root !== document || !first(document, "Live")) return;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  setInterval(judge, 1000);
  ask();
}

const tags = () => [...new Set([...document.querySelectorAll("[data-tag]")].map((box) => box.dataset.tag))];

async function ask() {
  clearTimeout(timer);
  if (document.hidden) { good = Date.now(); return; }
  const wanted = tags();
  const query = new URLSearchParams({ since, watch: document.body.dataset.watch ?? "", tags: wanted.join(",") });
  try {
    const answer = await fetch(`/live?${query}`, {
      cache: "no-store", redirect: "error", signal: AbortSignal.timeout(4000),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    failures = 0;
    good = Date.now();
    take(await answer.json());
  } catch {
    failures += 1;
  }
  const pause = failures ? BACK_OFF_MS[Math.min(failures, 3) - 1] : wanted.length ? 1000 : 5000;
  timer = setTimeout(ask, pause);
}

function take(news) {
  document.getElementById("clock").textContent = news.clock;
  seen(news.session);
  const byTag = new Map(news.tags.map((tag) => [tag.tag, tag]));
  document.querySelectorAll("[data-tag]").forEach((box) => fill(box, byTag.get(box.dataset.tag)));
  since = news.cursor;
  document.dispatchEvent(new CustomEvent("bw:values", { detail: { at: news.site_s, byTag } }));
  if (news.changed.length) document.body.dispatchEvent(new Event("bw:changed"));
  beat(news.session.state);
}

// What the server works out for a page that is watched is asked for at each beat, while somebody is
// signed in and nothing is locked.
function beat(state) {
  if (state !== "open" || Date.now() - beaten < BEAT_MS - 100) return;
  beaten = Date.now();
  document.body.dispatchEvent(new Event("bw:beat"));
}

function fill(box, tag) {
  if (!tag) return;
  box.classList.toggle("no-good-value", !tag.good);
  const parts = { text: tag.text, unit: tag.unit, words: tag.words, sign: tag.good ? "" : "⊘" };
  for (const [name, text] of Object.entries(parts)) {
    const part = box.querySelector(`[data-part="${name}"]`);
    if (part && part.textContent !== text) part.textContent = text;
  }
}

function judge() {
  const lost = !document.hidden && Date.now() - good > LOST_AFTER_MS;
  const sign = document.getElementById("connection");
  if (sign.classList.contains("bad") === lost) return;
  sign.classList.toggle("bad", lost);
  sign.firstElementChild.textContent = lost ? sign.dataset.bad : sign.dataset.good;
  const bar = document.getElementById("lost");
  bar.textContent = lost ? document.body.dataset.lost : "";
  bar.hidden = !lost;
  for (const button of document.querySelectorAll("form[method=post] button")) button.disabled = lost;
  if (lost) document.querySelectorAll("[data-tag]").forEach((box) => {
    fill(box, { good: false, text: box.querySelector('[data-part="text"]')?.textContent ?? "", unit: "", words: document.body.dataset.tooSlow });
  });
}

// Island of the weighing page: the band under the live net weight. The server decides; this shows
// under, in or over with a word, a place on the band and a border, never with colour alone.
function start(place) {
  const value = place.querySelector('[data-part="text"]');
  const box = place.querySelector("[data-tag]");
  const rest = place.querySelector("[data-rest] [data-part='text']");
  const show = () => judge(place, number(value.textContent), box.classList.contains("no-good-value"), rest);
  for (const each of [value, rest]) {
    if (each) new MutationObserver(show).observe(each, { childList: true, characterData: true, subtree: true });
  }
  new MutationObserver(show).observe(box, { attributes: true, attributeFilter: ["class"] });
  show();
}

// Digits as the server shows them: comma or point before the decimals.
function number(text) {
  return Number.parseFloat(text.replace(",", ".").replace("−", "-"));
}

function judge(place, net, bad, rest) {
  const { low, high, from, to } = Object.fromEntries(
    ["low", "high", "from", "to"].map((name) => [name, Number.parseFloat(place.dataset[name])]),
  );
  const words = place.querySelector("[data-words]");
  const band = place.querySelector(".weigh-band");
  const known = !bad && Number.isFinite(net);
  const inside = known && net >= low && net <= high;
  const at = known ? Math.min(Math.max((net - from) / (to - from), 0), 1) : -1;
  band.querySelector(".band-mark").setAttribute("x", String(known ? at * 988 : -20));
  band.classList.toggle("out", known && !inside);
  words.className = `weigh-words ${inside ? "good" : "bad"}`;
  const text = said(place, net, low, high, known);
  const moving = rest && number(rest.textContent) !== 1;
  const shown = moving && known ? `${text} · ${place.dataset.moving}` : text;
  if (words.textContent !== shown) words.textContent = shown;
}

function said(place, net, low, high, known) {
  if (!known) return `⊘ ${place.dataset.unknown}`;
  const digits = (place.dataset.low.split(".")[1] ?? "").length;
  if (net < low) return `▼ ${place.dataset.under.replace("{n}", (low - net).toFixed(digits))}`;
  if (net > high) return `▲ ${place.dataset.over.replace("{n}", (net - high).toFixed(digits))}`;
  return `✓ ${place.dataset.in}`;
}

for (const place of document.querySelectorAll("[data-weigh]")) start(place);

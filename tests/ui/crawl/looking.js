// What a browser measures on one page; `looking.py` calls these by name.
({
  // What stands beside the screen with no place to scroll to it.
  beside() {
    const wide = document.documentElement.clientWidth;
    const scrolls = (e) => {
      for (let up = e.parentElement; up; up = up.parentElement)
        if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return true;
      return false;
    };
    const out = (e) => e.getBoundingClientRect().right > wide + 1;
    const found = [...document.querySelectorAll("body *")]
      .filter((e) => e.checkVisibility() && out(e))
      .filter((e) => !e.closest("svg, .visually-hidden, .skip") && !scrolls(e))
      .map(this.name);
    const page = document.documentElement.scrollWidth > wide ? ["the page is wider"] : [];
    return [...page, ...found.slice(0, 4)];
  },

  // Texts that do not fit into their own box.
  cut() {
    const boxes = "button, .button, .state, h1, h2, h3, label, legend, dt, .chips a, .tabs a, .side a";
    return [...document.querySelectorAll(boxes)]
      .filter((e) => e.checkVisibility() && !e.closest(".visually-hidden") && e.clientWidth > 0)
      .filter((e) => getComputedStyle(e).display !== "inline" && e.scrollWidth > e.clientWidth + 2)
      .map(this.name);
  },

  // Every text 40 % longer, as another language might be.
  lengthen() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      const words = text.data.trim();
      if (!/[a-z]{3}/i.test(words)) continue;
      if (text.parentElement.closest("script, style, time, code, svg")) continue;
      const more = Math.ceil(words.length * 0.4);
      text.data = `${words} ${"longer text ".repeat(Math.ceil(more / 12)).slice(0, more)}`;
    }
  },

  // Everything that a person can act on; of radio buttons the first of a group stands for all.
  reachable() {
    const actions = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    const groups = new Set();
    return [...document.querySelectorAll(actions)]
      .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled)
      .filter((e) => e.tabIndex >= 0 && !e.closest("svg"))
      .filter((e) => e.type !== "radio" || (!groups.has(e.name) && groups.add(e.name)))
      .map((e, place) => { e.dataset.place = place; return `${place}`; });
  },

  // Which of them has the focus, and whether one can see it.
  focused() {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const group = `input[type=radio][name="${CSS.escape(e.name ?? "")}"][data-place]`;
    const stands = e.type === "radio" ? document.querySelector(group) : e;
    const ring = getComputedStyle(e.closest(".choice") ?? e).outlineStyle !== "none";
    return { place: stands?.dataset.place ?? null, ring };
  },

  // States without a word or without a border.
  bare() {
    return [...document.querySelectorAll(".state")]
      .filter((e) => e.checkVisibility())
      .filter((e) => !e.textContent.trim() || getComputedStyle(e).borderTopStyle === "none")
      .map(this.name);
  },

  name(e) {
    return `${e.tagName.toLowerCase()}.${e.className} ${e.textContent.trim().slice(0, 50)}`;
  },

  words(place) {
    return document.querySelector(`[data-place="${place}"]`).outerHTML.slice(0, 120);
  },
})

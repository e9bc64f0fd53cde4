// Loaded by every page: htmx with our settings, then the house's own modules.
// Only the small subset of htmx that docs/adr/0005-server-rendered-pages.md names may be used.
import htmx from "htmx.org";
import { modules } from "./core/modules.js";
import "./core.css";

// A failed request must never replace what somebody typed; 422 is swapped: it carries messages.
htmx.config.noSwap = [204, 304, "5xx"];
// Shared terminals: going back asks the server, nothing of a page is kept here.
htmx.config.history = "reload";
htmx.config.defaultTimeout = 15000;

const begin = (root) => modules.forEach((start) => start(root));
document.addEventListener("DOMContentLoaded", () => begin(document));
document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail.ctx.target; // text when the server chose another place
  const place = typeof target === "string" ? document.querySelector(target) : target;
  if (place instanceof Element) begin(place);
});

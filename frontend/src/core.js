// Loaded by every page: htmx with our settings, then the house's own modules.
// Only the small subset of htmx that docs/adr/0005 names may be used in templates.
import htmx from "htmx.org";
import { modules } from "./core/modules.js";
import "./core.css";

document.addEventListener("DOMContentLoaded", () => {
  // A failed request must never replace what somebody typed; 422 is swapped: it carries messages.
  htmx.config.noSwap = [204, 304, "5xx"];
  // Shared terminals: nothing of a page is kept in the browser's history.
  htmx.config.history = "reload";
  htmx.config.defaultTimeout = 15000;
  for (const start of modules) start(document);
});

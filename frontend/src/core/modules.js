// Own modules that every page starts, in this order. Each is a function (root) => void, where root
// is the document at first and later each fragment that htmx has put in; starting twice is harmless.
import { dialogs } from "./dialogs.js";
import { entering } from "./entering.js";
import { guard } from "./guard.js";
import { keypad } from "./keypad.js";
import { limits } from "./limits.js";
import { live } from "./live.js";
import { lock } from "./lock.js";
import { menu } from "./menu.js";
import { problems } from "./problems.js";
import { scanner } from "./scanner.js";
import { series } from "./series.js";
import { tables } from "./tables.js";

export const modules = [guard, menu, tables, dialogs, problems, limits, series, entering, keypad, scanner, lock, live];

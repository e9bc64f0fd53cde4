// Own modules that every page starts, in this order. Each is a function (root) => void, where root
// is the document at first and later each fragment that htmx has put in.
export const modules = [];

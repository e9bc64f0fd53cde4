// The licences of all packages that really ended up in the built files, as one text.
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";

export async function licenses(root, metafile) {
  const parts = [];
  for (const folder of packageFolders(metafile)) parts.push(await describe(root, folder));
  const head = "Third-party packages inside the browser assets of Batchwright, with their licences.\n";
  return [head, ...parts].join(`\n${"-".repeat(80)}\n\n`);
}

function packageFolders(metafile) {
  const used = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const input of Object.keys(output.inputs)) {
      const match = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
      if (match) used.add(match[1]);
    }
  }
  return [...used].sort();
}

async function describe(root, folder) {
  const about = JSON.parse(await readFile(path.join(root, folder, "package.json"), "utf8"));
  const files = (await readdir(path.join(root, folder))).filter((n) => /^(licen[cs]e|copying)/i.test(n));
  const texts = await Promise.all(files.sort().map((n) => readFile(path.join(root, folder, n), "utf8")));
  const title = `${about.name} ${about.version} (${about.license ?? "see below"})`;
  const body = texts.length ? texts.map((t) => t.trim()).join("\n\n") : "No licence file in the package.";
  return `${title}\n\n${body}\n`;
}

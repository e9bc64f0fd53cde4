// Builds every src/*.js as an entry point into ../web/static/dist: hashed names, shared chunks,
// manifest.json for the templates, licence texts. The same inputs give the same bytes.
import { chmod, mkdtemp, readdir, rename, rm, writeFile, mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { licenses } from "./licenses.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.resolve(here, "../web/static/dist");

const entries = (await readdir(path.join(here, "src")))
  .filter((name) => name.endsWith(".js"))
  .sort();

await mkdir(path.dirname(dist), { recursive: true });
// Built aside and swapped in whole: a server or test never sees half of it.
const fresh = await mkdtemp(`${dist}-`);
await chmod(fresh, 0o755); // mkdtemp keeps others out, the web server may be another user
try {
  const result = await build({
    absWorkingDir: here,
    entryPoints: entries.map((name) => `src/${name}`),
    outdir: fresh,
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true,
    target: "es2022",
    entryNames: "[name]-[hash]",
    chunkNames: "chunks/[name]-[hash]",
    assetNames: "fonts/[name]-[hash]",
    loader: {
      ".woff": "file", ".woff2": "file", ".ttf": "file", ".svg": "file", ".wasm": "file",
      ".eot": "empty",
    },
    legalComments: "none", // all licences, not only those in comments, stand in LICENSES/
    preserveSymlinks: true, // names of built files must not depend on where the packages lie
    metafile: true,
    logLevel: "warning",
  });
  await mkdir(path.join(fresh, "LICENSES"));
  await writeFile(path.join(fresh, "LICENSES/frontend.txt"), await licenses(here, result.metafile));
  await writeFile(path.join(fresh, "manifest.json"), manifest(fresh, result.metafile));
  await rm(dist, { recursive: true, force: true });
  await rename(fresh, dist);
} catch (error) {
  await rm(fresh, { recursive: true, force: true });
  console.error(error.message);
  process.exit(1);
}

// {"core": {"js": "core-HASH.js", "css": "core-HASH.css", "imports": ["chunks/..."]}, ...}
function manifest(outdir, metafile) {
  const name = (file) => path.relative(outdir, path.resolve(here, file)).split(path.sep).join("/");
  const found = {};
  for (const [file, output] of Object.entries(metafile.outputs)) {
    if (!output.entryPoint || !file.endsWith(".js")) continue;
    found[path.basename(output.entryPoint, ".js")] = {
      js: name(file),
      css: output.cssBundle ? name(output.cssBundle) : null,
      imports: output.imports.filter((i) => i.kind === "import-statement").map((i) => name(i.path)),
    };
  }
  const sorted = Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(sorted, null, 2)}\n`;
}

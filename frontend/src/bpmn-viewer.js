// Island: the read-only BPMN diagram. The mark of bpmn.io at the lower right must stay visible
// (its licence asks for it): nothing may cover that corner.
//
// <figure data-diagram data-src="/recipes/files/…" data-plane="OP_DRY_diagram" data-marks="ID">
// with a [data-canvas] inside. The marks are JSON: [{id, mark, badge, words}]. Everything that the
// diagram tells stands in the list beside it as well.
import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-js.css";
import "./desk/diagram.css";

const STEP = 0.25;

async function show(figure) {
  const canvas = figure.querySelector("[data-canvas]");
  const viewer = new NavigatedViewer({ container: canvas });
  try {
    await viewer.importXML(await source(figure.dataset.src), figure.dataset.plane || undefined);
  } catch {
    figure.dataset.failed = "";
    return;
  }
  mark(viewer, marksOf(figure));
  shape(viewer, canvas);
  fit(viewer);
  tools(figure, viewer);
  viewer.on("element.click", ({ element }) => point(figure, element.id));
  leads(figure, viewer);
  figure.dataset.ready = "";
}

const files = new Map();
function source(address) {
  if (!files.has(address)) files.set(address, load(address));
  return files.get(address);
}

async function load(address) {
  const answer = await fetch(address, { redirect: "error" });
  if (!answer.ok) throw new Error(`no diagram: ${answer.status}`);
  return answer.text();
}

function marksOf(figure) {
  const data = document.getElementById(figure.dataset.marks);
  return data ? JSON.parse(data.textContent) : [];
}

function mark(viewer, marks) {
  const canvas = viewer.get("canvas");
  const overlays = viewer.get("overlays");
  const elements = viewer.get("elementRegistry");
  for (const { id, mark: name, badge, words } of marks) {
    if (!elements.get(id)) continue;
    if (name) canvas.addMarker(id, `mark-${name}`);
    if (!badge) continue;
    const html = document.createElement("span");
    html.className = `diagram-badge badge-${name}`;
    html.textContent = badge;
    html.title = words;
    overlays.add(id, "state", { position: { top: -13, right: 13 }, html, scale: { min: 0.6, max: 1 } });
  }
}

// A long flat level needs a low canvas and a deep one a high canvas: no empty sheet around either.
const MARGIN = 90, LEAST = 190;
function shape(viewer, place) {
  const { inner } = viewer.get("canvas").viewbox();
  const scale = Math.min(1, (place.clientWidth - 40) / inner.width);
  const wanted = Math.max(LEAST, Math.round(inner.height * scale) + MARGIN);
  place.style.height = `${Math.min(wanted, Math.round(innerHeight * 0.7))}px`;
  viewer.get("canvas").resized();
}

function fit(viewer) {
  const canvas = viewer.get("canvas");
  canvas.zoom("fit-viewport", "auto");
  if (canvas.zoom() > 1) canvas.zoom(1, "auto");
}

function tools(figure, viewer) {
  const canvas = viewer.get("canvas");
  const acts = {
    in: () => canvas.zoom(canvas.zoom() * (1 + STEP)),
    out: () => canvas.zoom(canvas.zoom() / (1 + STEP)),
    fit: () => fit(viewer),
  };
  for (const button of figure.querySelectorAll("[data-zoom]")) {
    button.hidden = false;
    button.addEventListener("click", acts[button.dataset.zoom]);
  }
}

// A click on a shape leads to its row in the list.
function point(figure, id) {
  const row = document.getElementById(`el-${figure.dataset.list}-${id}`);
  if (!row) return;
  for (const other of document.querySelectorAll("tr.pointed")) other.classList.remove("pointed");
  row.classList.add("pointed");
  row.scrollIntoView({ block: "nearest" });
}

// A link to an element (data-show) shows it in the diagram; without one it leads to its row.
function leads(figure, viewer) {
  const canvas = viewer.get("canvas");
  const elements = viewer.get("elementRegistry");
  let shown = null;
  for (const link of document.querySelectorAll("a[data-show]")) {
    link.addEventListener("click", (event) => {
      const element = elements.get(link.dataset.show);
      if (!element) return;
      event.preventDefault();
      if (shown) canvas.removeMarker(shown, "mark-shown");
      shown = element.id;
      canvas.addMarker(shown, "mark-shown");
      figure.scrollIntoView({ block: "start" });
      if (canvas.zoom() < 0.6) canvas.zoom(0.8);
      canvas.scrollToElement(element, 60);
      figure.querySelector("[data-canvas]").focus({ preventScroll: true });
    });
  }
}

// Two diagrams side by side move together: what one shows, the other shows.
function together(figures) {
  let busy = false;
  for (const [viewer, other] of [figures, [...figures].reverse()]) {
    viewer.on("canvas.viewbox.changed", () => {
      if (busy) return;
      busy = true;
      const { x, y, width, height } = viewer.get("canvas").viewbox();
      other.get("canvas").viewbox({ x, y, width, height });
      busy = false;
    });
  }
}

for (const figure of document.querySelectorAll("[data-diagram]")) show(figure);

export { NavigatedViewer, together };

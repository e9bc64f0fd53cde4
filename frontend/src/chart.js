// Island: the trend chart. Every chart stands beside a table of the same data.
//
// <div data-chart="ID" data-zone="Europe/Berlin" data-locale="en"> and JSON of that id:
// {label, unit, points: [[seconds, value|null]], holes: [[seconds, seconds|null]],
//  limits: [{label, value, tier}], from, to}. A hole is a break in the line, never bridged.
// With data-live="TAG" the values that the page hears of that tag are added as they come.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./desk/chart.css";

const HEIGHT = 230;
const LIVE_HEIGHT = 170;

function draw(place) {
  const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  const look = colours(place);
  const clock = clockOf(place.dataset.zone);
  const chart = new uPlot(options(data, look, clock, place), columns(data), place);
  if (place.dataset.live) follow(chart, data, place.dataset.live);
  const fit = () => chart.setSize({ width: Math.max(place.clientWidth, 220), height: heightOf(place) });
  new ResizeObserver(fit).observe(place);
  place.dataset.ready = "";
}

// A value without good quality begins a hole, which lasts until the next good one.
function follow(chart, data, tag) {
  document.addEventListener("bw:values", ({ detail: { at, byTag } }) => {
    const heard = byTag.get(tag);
    if (!heard || at <= data.to) return;
    const value = heard.good ? Number(heard.value) : null;
    const open = data.holes.at(-1);
    if (value === null && (!open || open[1] !== null)) data.holes.push([at, null]);
    if (value !== null && open && open[1] === null) open[1] = at;
    data.points.push([at, value]);
    data.to = at;
    chart.setData(columns(data));
  });
}

function clockOf(zone) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
  return (seconds) => format.format(new Date(seconds * 1000));
}

// In forced colours the drawing takes those of the system, as everything around it does.
const SYSTEM = { ink: "CanvasText", muted: "CanvasText", line: "GrayText", primary: "Highlight", bad: "CanvasText", card: "Canvas" };

const heightOf = (place) => (place.dataset.live ? LIVE_HEIGHT : HEIGHT);

function colours(place) {
  if (matchMedia("(forced-colors: active)").matches) return { ...SYSTEM, grid: "GrayText", hole: "GrayText" };
  const style = getComputedStyle(place);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    ink: read("--ink", "#14191d"), muted: read("--muted", "#4a555e"), line: read("--line", "#6f7a83"),
    primary: read("--primary", "#0b57a4"), bad: read("--bad", "#a4262c"), card: read("--card", "#fff"),
    grid: `${read("--line", "#6f7a83")}40`, hole: `${read("--line", "#6f7a83")}33`,
  };
}

// Values at their moments, with a break at the start of each hole.
function columns(data) {
  const rows = data.points.map(([at, value]) => [at, value]);
  for (const [start] of data.holes) rows.push([start, null]);
  rows.sort((a, b) => a[0] - b[0] || (a[1] === null ? 1 : -1));
  return [rows.map((row) => row[0]), rows.map((row) => row[1])];
}

function options(data, look, clock, place) {
  const axis = { stroke: look.muted, grid: { stroke: look.grid }, ticks: { stroke: look.line }, font: "12px Noto Sans, sans-serif" };
  return {
    width: Math.max(place.clientWidth, 220),
    height: heightOf(place),
    legend: { show: !place.dataset.live },
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false, range: (_, low, high) => [low, high] }, y: { range: (_, low, high) => room(data, low, high) } },
    axes: [
      { ...axis, values: (_, splits, _axis, _space, step) => splits.map((at) => clock(at).slice(0, step < 60 ? 8 : 5)), space: 84 },
      { ...axis, size: 52, values: (_, splits) => splits.map((value) => `${+value.toFixed(4)}`) },
    ],
    series: [
      { label: place.dataset.timeLabel, value: (_, at) => (at === null ? "–" : clock(at)) },
      { label: data.label, stroke: look.primary, width: 2, spanGaps: false, points: { show: false },
        // A point is stored when the value changes: until the next one, the earlier value holds.
        paths: uPlot.paths.stepped({ align: 1 }),
        value: (_, value) => (value === null ? "–" : `${value} ${data.unit}`) },
    ],
    hooks: { drawClear: [(chart) => bands(chart, data, look)], draw: [(chart) => lines(chart, data, look)] },
  };
}

function room(data, low, high) {
  const known = [low, high, ...data.limits.map((limit) => limit.value)].filter((value) => value !== null && isFinite(value));
  const least = Math.min(...known), most = Math.max(...known);
  const air = (most - least || Math.abs(most) || 1) * 0.12;
  return [least - air, most + air];
}

// Holes are grey bands with a word, so that nobody reads a straight line into them.
function bands(chart, data, look) {
  const { ctx, bbox } = chart;
  ctx.save();
  for (const [start, end] of data.holes) {
    const left = Math.max(chart.valToPos(start, "x", true), bbox.left);
    const right = Math.min(chart.valToPos(end ?? data.to, "x", true), bbox.left + bbox.width);
    if (right <= left) continue;
    ctx.fillStyle = look.hole;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

function lines(chart, data, look) {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${12 * ratio}px "Noto Sans", sans-serif`;
  ctx.textBaseline = "alphabetic";
  // Upper limits are named above their line and lower ones below; alert limits at the left, wider
  // tiers at the right, so that two names never stand on each other.
  const numbers = data.limits.map((limit) => limit.value);
  const middle = (Math.max(...numbers) + Math.min(...numbers)) / 2;
  const name = (label, y, left, above) => {
    ctx.textAlign = left ? "left" : "right";
    const x = left ? bbox.left + 4 * ratio : bbox.left + bbox.width - 4 * ratio;
    const base = above ? y - 4 * ratio : y + 13 * ratio;
    const wide = ctx.measureText(label).width;
    ctx.fillStyle = look.card; // the name of one limit is read over the line of another
    ctx.fillRect(left ? x - 2 * ratio : x - wide - 2 * ratio, base - 10 * ratio, wide + 4 * ratio, 12.5 * ratio);
    ctx.fillStyle = look.muted;
    ctx.fillText(label, x, base);
  };
  const names = [];
  for (const { label, value, tier } of data.limits) {
    const y = chart.valToPos(value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = { alert: look.ink, wait: look.primary }[tier] ?? look.bad;
    ctx.setLineDash({ alert: [4, 6], wait: [2, 3] }[tier]?.map((part) => part * ratio) ?? [12 * ratio, 4 * ratio]);
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    names.push([label, y, tier !== "action" && tier !== "registered", value >= middle]);
  }
  for (const each of names) name(...each);
  ctx.restore();
}

for (const place of document.querySelectorAll("[data-chart]")) draw(place);

export { uPlot };

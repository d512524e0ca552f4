// The page: it asks its own server only, and draws what comes. Text goes in as text, never as HTML.
import { at, enter, make, post, sparingly } from "/asking.js";
import { Chart } from "/chart.js";
import { offerComparing } from "/compare.js";
import "/contest.js";
import { offerDiagnosis } from "/diagnosis.js";
import { offer } from "/play.js";
import { hidden, showRuns } from "/tree.js";

const BETWEEN_DRAWINGS = 1000; // ms, at the least
const MOST_AT_ONCE = 100; // curves that the server is asked for
const charts = new Map(); // metric → Chart
const drawn = new Map(); // chart → the versions of the curves it shows
let news = { runs: [], training: null };
let over = false;

function state(text) {
  if (at("state").textContent !== text) at("state").textContent = text;
}

function seconds(count) {
  if (count < 90) return `${Math.round(count)} s`;
  if (count < 5400) return `${Math.round(count / 60)} min`;
  return `${(count / 3600).toFixed(1)} h`;
}

const first = (values) => (values ? values[0] : null);

function describe() {
  const { runs, training } = news;
  const run = runs[0];
  if (!run) return "waiting for the run to begin";
  const step = first(run.last["time/total_timesteps"]) || 0;
  const fps = first(run.last["time/fps"]);
  const steps = `${step.toLocaleString("en")} of ${run.total.toLocaleString("en")} steps`;
  if (!training) return `${runs.length} ${runs.length === 1 ? "run" : "runs"} · ${steps}`;
  if (!training.going) return `training is over · ${steps}`;
  if (training.stopping) return `stopping · ${steps}`;
  if (training.paused) return `paused · ${steps}`;
  const left = fps ? ` · ${seconds(((run.total - step) * run.seeds.length) / fps)} left` : "";
  const phase = training.phase && training.phase !== "between two chunks" ? ` · ${training.phase}` : "";
  return `training${phase} · ${steps}${left}`;
}

function redraw() {
  drawn.clear();
  draw();
}

function showSteering() {
  const { training } = news;
  at("steer").hidden = !training || !training.going;
  if (!training) return;
  const problem = training.problems.at(-1) || "";
  if (problem && at("problem").dataset.told !== problem) {
    at("problem").dataset.told = problem;
    at("problem").textContent = problem;
  }
  for (const button of document.querySelectorAll("[data-ask]")) {
    const ask = button.dataset.ask;
    button.disabled = over || (ask === "pause" && training.paused) || (ask === "go on" && !training.paused);
  }
  for (const [name, value] of Object.entries(training.hyperparameters)) {
    const known = at(`now-${name}`);
    if (known) known.textContent = String(value);
    else at("hyperparameters").append(hyperparameter(name, value));
  }
}

function hyperparameter(name, value) {
  const row = make("tr");
  const form = make("form");
  const input = make("input", "", { "aria-label": `new ${name}`, autocomplete: "off", size: 14, required: "" });
  form.append(input, make("button", "Change", { type: "submit", "aria-label": `change ${name}` }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    const number = Number(text);
    if (await ask({ kind: "change", name, value: text && Number.isFinite(number) ? number : text })) input.value = "";
  });
  const cell = make("td");
  cell.append(form);
  row.append(make("th", name, { scope: "row" }), make("td", String(value), { id: `now-${name}` }), cell);
  return row;
}

async function ask(values) {
  const { problem } = await post("/api/steer", values);
  at("problem").textContent = problem || "";
  return !problem;
}

function wanted() {
  const names = new Set(news.runs.filter((run) => !hidden.has(run.id)).flatMap((run) => run.metrics));
  const only = at("filter").value.trim().toLowerCase();
  const weight = (name) => ["rollout/", "eval/", "train/"].findIndex((group) => name.startsWith(group)) + 1 || 9;
  return [...names]
    .filter((name) => name.toLowerCase().includes(only))
    .sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1));
}

function arrange() {
  const names = wanted();
  for (const name of names) if (!charts.has(name)) charts.set(name, new Chart(name));
  const elements = names.map((name) => charts.get(name).element);
  const now = [...at("curves").children];
  if (elements.length !== now.length || elements.some((element, i) => element !== now[i])) {
    at("curves").replaceChildren(...elements);
  }
}

function isSeen(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > -200 && top < window.innerHeight + 200 && document.visibilityState === "visible";
}

// What the news say, as far as it is not shown yet.
let described = null;
function show() {
  if (described === news) return;
  described = news;
  state(describe());
  showRuns(news, redraw);
  showSteering();
  showPictures();
  offer(news.runs);
  offerDiagnosis(news.runs);
  offerComparing(news.training);
  arrange();
}

// What people wait for after they have asked for it, and what there is to see at all.
function urgent({ runs, training }) {
  const { going, paused, stopping, problems } = training || {};
  return JSON.stringify([going, paused, stopping, problems, runs.map((run) => run.id)]);
}

const showSoon = sparingly(show);

// Curves are asked for as many points as there are pixels, only where they are seen, and only when they changed.
let drawing = false;
let again = false; // somebody asked meanwhile, as by scrolling
async function draw() {
  again = drawing;
  if (drawing) return;
  drawing = true;
  try {
    arrange();
    const due = new Map(); // the charts to draw, by their metrics
    for (const name of wanted()) {
      const chart = charts.get(name);
      const shown = news.runs.filter((run) => !hidden.has(run.id) && run.metrics.includes(name));
      const versions = shown.map((run) => `${run.id}:${run.version}`).join() + chart.canvas.clientWidth;
      if (drawn.get(name) !== versions && isSeen(chart.element)) due.set(name, { chart, versions, curves: new Map() });
    }
    for (const run of news.runs.filter((run) => !hidden.has(run.id))) await addCurves(run, due);
    show(); // together with the curves: the page is painted once
    for (const [name, { chart, versions, curves }] of due) {
      chart.set(curves);
      drawn.set(name, versions);
    }
  } catch {
    // The server is gone; the stream of events says so.
  } finally {
    drawing = false;
    if (again) draw();
  }
}

async function addCurves(run, due) {
  const names = run.metrics.filter((name) => due.has(name)).slice(0, MOST_AT_ONCE);
  if (!names.length) return;
  const width = Math.max(...names.map((name) => due.get(name).chart.canvas.clientWidth));
  const query = new URLSearchParams({ run: run.id, points: 4 * Math.max(50, Math.min(500, width)) });
  for (const name of names) query.append("metric", name);
  const answer = await fetch(`/api/curves?${query}`);
  if (!answer.ok) return;
  for (const [name, curve] of Object.entries(await answer.json())) {
    due.get(name).curves.set(run.id, { name: run.name, ...curve });
  }
}

function showPictures() {
  const shown = news.runs.filter((run) => !hidden.has(run.id) && run.pictures.length);
  const key = JSON.stringify(shown.map((run) => [run.id, run.pictures]));
  at("pictures-section").hidden = !shown.length;
  if (at("pictures").dataset.key === key) return;
  at("pictures").dataset.key = key;
  const figures = shown.flatMap((run) =>
    run.pictures.map((what) => {
      const figure = make("figure");
      const source = `/api/picture?${new URLSearchParams({ run: run.id, show: what })}`;
      const alt = `${what} of ${run.name}`;
      figure.append(make("img", "", { src: source, alt, loading: "lazy" }), make("figcaption", alt));
      return figure;
    }),
  );
  at("pictures").replaceChildren(...figures);
}

function addLog(lines) {
  const log = at("log");
  const below = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  for (const [number, text] of lines) if (!at(`line-${number}`)) log.append(make("li", text, { id: `line-${number}` }));
  while (log.children.length > 500) log.firstChild.remove();
  if (below) log.scrollTop = log.scrollHeight;
}

function listen() {
  const events = new EventSource("/api/events");
  events.addEventListener("open", () => (over = false));
  events.addEventListener("news", (event) => {
    const before = urgent(news);
    news = JSON.parse(event.data);
    if (urgent(news) !== before) showSoon();
  });
  events.addEventListener("log", (event) => addLog(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    over = true;
    showSteering();
    state("The server does not answer; what is here is the last that it said. Trying again …");
    if (events.readyState === EventSource.CLOSED) setTimeout(comeBack, 3000);
  });
}

// A server that was started anew has another token, which only its terminal shows.
async function comeBack() {
  const answer = await fetch("/api/runs").catch(() => null);
  if (answer && answer.status === 401) state("Another server is here now: open the address that its terminal shows.");
  else listen();
}

for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", () => ask({ kind: button.dataset.ask }));
}
at("filter").addEventListener("input", draw);
window.addEventListener("scroll", draw, { passive: true });
window.addEventListener("resize", draw);
document.addEventListener("visibilitychange", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((chart) => chart.draw()));
setInterval(sparingly(draw), BETWEEN_DRAWINGS);

await enter();
listen();

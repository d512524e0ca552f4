// The runs as a table, in which a branch stands below its parent; the same as a drawn tree; and new branches.
import { at, make, post, refill } from "/asking.js";
import { short } from "/chart.js";

export const hidden = new Set(); // ids of runs that are not shown
const first = (values) => (values ? values[0] : null);
const stepOf = (run) => first(run.last["time/total_timesteps"]) || 0;
let runs = [];

// [run, depth]: each parent before its branches.
function ordered() {
  const found = [];
  const parentOf = (run) => run.parent && runs.find((other) => other.name === run.parent.run && other !== run);
  const visit = (run, depth) => {
    if (found.some(([known]) => known === run)) return;
    found.push([run, depth]);
    for (const other of runs) if (parentOf(other) === run) visit(other, depth + 1);
  };
  for (const run of runs) if (!parentOf(run)) visit(run, 0);
  for (const run of runs) visit(run, 0); // of a circle, which no program writes
  return found;
}

function changesOf(run) {
  if (!run.parent) return "";
  const made = run.interventions.filter((one) => one.kind === "change" && one.step === run.parent.step);
  return made.map((one) => `${one.name}=${one.value}`).join(", ");
}

export function showRuns(news, redraw) {
  runs = news.runs;
  const rows = ordered().map(([run, depth]) => {
    const row = make("tr");
    const box = make("input", "", { type: "checkbox", "aria-label": `show ${run.name}`, id: `run-${run.id}` });
    box.checked = !hidden.has(run.id);
    box.addEventListener("change", () => {
      hidden[box.checked ? "delete" : "add"](run.id);
      redraw();
    });
    const cell = make("td");
    cell.append(box);
    const name = make("th", "", { scope: "row" });
    name.append(make("span", "", { class: `dot run${run.id % 6}` }), `${"↳ ".repeat(depth)}${run.name}`);
    if (run.parent) name.append(make("span", ` from step ${run.parent.step.toLocaleString("en")}`, { class: "note" }));
    const label = `${stepOf(run).toLocaleString("en")} of ${run.total.toLocaleString("en")} steps`;
    const steps = make("td");
    const done = { value: Math.min(stepOf(run), run.total), max: run.total, "aria-label": label };
    steps.append(make("progress", label, done), ` ${short(stepOf(run))}`);
    const score = run.score ? `${short(run.score.mean)} (random ${short(run.score.random)})` : "";
    const what = make("td", `${run.algorithm} on ${run.environment}`);
    const more = make("td");
    const button = make("button", "Branch", { type: "button", id: `branch-${run.id}`, "aria-label": `branch ${run.name}` });
    button.disabled = !run.checkpoints.length;
    if (button.disabled) button.title = "it has no checkpoint yet";
    button.addEventListener("click", () => offerBranch(run.id));
    more.append(button);
    row.append(cell, name, what, steps, make("td", run.problem || score), more);
    return row;
  });
  const focused = document.activeElement && document.activeElement.id;
  at("runs").replaceChildren(...rows);
  if (focused && /^(run|branch)-\d+$/.test(focused) && at(focused)) at(focused).focus();
  drawTree();
  fillForm();
}

// A line for each run, over its steps; where a branch begins, a line leads to it from its parent.
function drawTree() {
  const lines = ordered();
  at("tree").hidden = !lines.some(([, depth]) => depth);
  if (at("tree").hidden) return;
  const key = JSON.stringify(lines.map(([run]) => [run.id, run.name, stepOf(run), run.total, run.parent]));
  if (at("tree").dataset.key === key) return;
  at("tree").dataset.key = key;
  const [width, row, left, right] = [900, 34, 12, 30];
  const longest = Math.max(...lines.map(([run]) => Math.max(run.total, stepOf(run), 1)));
  const x = (step) => left + (step / longest) * (width - left - right);
  const y = (index) => 24 + index * row;
  const svg = (tag, attributes, text = "") => {
    const element = document.createElementNS(at("tree-drawn").namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };
  const parts = [];
  lines.forEach(([run], index) => {
    const start = run.parent ? run.parent.step : 0;
    const above = lines.findIndex(([other]) => run.parent && other.name === run.parent.run);
    const colour = `line run${run.id % 6}`;
    if (above >= 0) parts.push(svg("path", { class: colour, d: `M${x(start)} ${y(above)}V${y(index)}` }));
    parts.push(svg("path", { class: `${colour} rest`, d: `M${x(start)} ${y(index)}H${x(run.total)}` }));
    parts.push(svg("path", { class: colour, d: `M${x(start)} ${y(index)}H${x(Math.max(stepOf(run), start))}` }));
    for (const step of run.checkpoints) parts.push(svg("circle", { class: colour, cx: x(step), cy: y(index), r: 4 }));
    const told = [run.name, changesOf(run)].filter(Boolean).join(": ");
    parts.push(svg("text", { x: x(start) + 6, y: y(index) - 8 }, told));
  });
  const drawn = at("tree-drawn");
  drawn.setAttribute("viewBox", `0 0 ${width} ${y(lines.length - 1) + 16}`);
  const words = lines.map(([run]) =>
    run.parent ? `${run.name} from ${run.parent.run} at step ${run.parent.step}, ${changesOf(run) || "unchanged"}` : run.name,
  );
  drawn.setAttribute("aria-label", `tree of branches: ${words.join("; ")}`);
  drawn.replaceChildren(...parts);
}

const selected = () => runs.find((run) => String(run.id) === at("branch-run").value);

function fillForm() {
  const able = runs.filter((run) => run.checkpoints.length);
  at("branching").hidden = !able.length;
  refill(at("branch-run"), able.map((run) => [run.name, run.id]));
  fillSteps();
}

function fillSteps() {
  const run = selected();
  if (!run) return;
  const steps = [...run.checkpoints].reverse();
  refill(at("branch-step"), steps.map((step) => [step.toLocaleString("en"), step]));
  const numbers = Object.entries(run.hyperparameters).filter(
    ([, value]) => typeof value === "number" || (typeof value === "string" && value.includes(":")),
  );
  const key = JSON.stringify(numbers);
  if (at("branch-names").dataset.key === key) return;
  at("branch-names").dataset.key = key;
  at("branch-names").replaceChildren(...numbers.map(([name, value]) => new Option(`${name}: ${value}`, name)));
}

function offerBranch(id) {
  at("branching").open = true;
  at("branch-run").value = String(id);
  fillSteps();
  at("branch-step").focus();
}

function addChange() {
  const number = at("branch-changes").children.length + 1;
  const row = make("p", "", { class: "change" });
  const name = { list: "branch-names", autocomplete: "off", size: 18, "aria-label": `hyperparameter ${number}` };
  const value = { autocomplete: "off", size: 14, "aria-label": `new value of hyperparameter ${number}` };
  row.append(make("input", "", name), " = ", make("input", "", value));
  at("branch-changes").append(row);
  row.firstChild.focus();
}

async function begin(event) {
  event.preventDefault();
  const changes = {};
  for (const row of at("branch-changes").children) {
    const [name, value] = [...row.querySelectorAll("input")].map((input) => input.value.trim());
    if (name && value) changes[name] = Number.isFinite(Number(value)) ? Number(value) : value;
  }
  const asked = { run: Number(at("branch-run").value), step: Number(at("branch-step").value), changes };
  at("branch-begin").disabled = true;
  at("branch-told").textContent = "copying the checkpoint …";
  const { problem, name, path } = await post("/api/branch", { ...asked, train: at("branch-train").checked });
  const next = at("branch-train").checked ? "it is being trained" : `train it with: operant resume ${path} --live`;
  at("branch-told").textContent = problem || `${name} has begun; ${next}`;
  if (!problem) at("branch-changes").replaceChildren();
  at("branch-begin").disabled = false;
}

at("branch-form").addEventListener("submit", begin);
at("branch-add").addEventListener("click", addChange);
at("branch-run").addEventListener("change", fillSteps);

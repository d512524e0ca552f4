// The newest policy at play next to the random one, what it sees, and what it thinks of the state on screen.
import { at, refill } from "/asking.js";
import { short } from "/chart.js";

const SECONDS_BETWEEN_PICTURES = 5;
let stream = null;
let again = null; // the timer of a picture that is drawn again and again

// The runs that can be chosen.
export function offer(runs) {
  for (const id of ["whose", "rival"]) refill(at(id), runs.map((run) => [run.name, run.id]));
}

function stop() {
  if (stream) stream.close();
  stream = null;
  at("play").setAttribute("aria-pressed", "false");
  at("play").textContent = "Watch the newest policy";
  at("play-state").textContent = "";
}

function start() {
  stream = new EventSource(`/api/play?${new URLSearchParams({ run: at("whose").value })}`);
  at("play").setAttribute("aria-pressed", "true");
  at("play").textContent = "Stop watching";
  at("play-state").textContent = "making an environment …";
  stream.addEventListener("frame", (event) => show(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    if (stream && stream.readyState === EventSource.CLOSED) stop();
  });
}

function show(seen) {
  if (!stream) return;
  at("play-state").textContent = seen.problem || "";
  if (seen.problem || !seen.frame) return;
  at("stage").hidden = false;
  at("frame").src = seen.frame;
  at("random").src = seen.random.frame;
  const policy = `as of step ${seen.step.toLocaleString("en")}`;
  at("frame-about").textContent = `The policy ${policy}: ${short(seen.reward)} after ${seen.steps} steps`;
  at("random-about").textContent = `The random policy: ${short(seen.random.reward)} after ${seen.random.steps} steps`;
  for (const what of ["sees", "looks"]) {
    if (!seen[what]) continue;
    at(what).src = seen[what];
    at(what).closest("figure").hidden = false;
  }
  think(seen.thoughts);
}

function line(label, value, low, high, text) {
  const row = document.createElement("div");
  row.className = "bar";
  const name = document.createElement("span");
  name.textContent = label;
  const bar = document.createElement("progress");
  bar.max = high - low || 1;
  bar.value = value === null ? 0 : Math.max(0, value - low);
  bar.setAttribute("aria-label", label);
  const number = document.createElement("span");
  number.textContent = text;
  row.append(name, bar, number);
  return row;
}

function think({ actions, probabilities, q_values, value }) {
  const rows = [];
  if (probabilities) {
    actions.forEach((name, i) => {
      const share = probabilities[i];
      rows.push(line(`likely: ${name}`, share, 0, 1, `${(100 * share).toFixed(1)} %`));
    });
  }
  if (q_values) {
    const known = q_values.filter((q) => q !== null);
    const low = Math.min(0, ...known);
    q_values.forEach((q, i) => rows.push(line(`Q: ${actions[i]}`, q, low, Math.max(...known), short(q))));
  }
  if (value !== undefined) rows.push(line("value of the state", Math.max(0, value), 0, Math.max(1, value), short(value)));
  at("thoughts").replaceChildren(...rows);
}

async function draw() {
  at("map").disabled = true;
  at("draw-state").textContent = "drawing …";
  const what = at("what").selectedOptions[0];
  try {
    const answer = await fetch(`/api/map?${new URLSearchParams({ run: at("whose").value, show: what.value })}`);
    at("draw-state").textContent = answer.ok ? "" : await answer.text();
    at("drawn").hidden = !answer.ok;
    if (answer.ok) {
      const reader = new FileReader();
      reader.addEventListener("load", () => {
        at("drawn").src = reader.result;
        at("drawn").alt = `${what.textContent}, drawn at ${new Date().toLocaleTimeString("en")}`;
      });
      reader.readAsDataURL(await answer.blob());
    }
  } catch {
    at("draw-state").textContent = "The server does not answer.";
  }
  at("map").disabled = false;
}

function drawAgain() {
  clearInterval(again);
  if (!at("draw-again").checked) return;
  again = setInterval(() => !document.hidden && !at("map").disabled && draw(), 1000 * SECONDS_BETWEEN_PICTURES);
  draw();
}

at("play").addEventListener("click", () => (stream ? stop() : start()));
at("map").addEventListener("click", draw);
at("draw-again").addEventListener("change", drawAgain);
at("whose").addEventListener("change", stop);
document.addEventListener("visibilitychange", () => document.hidden && stop());

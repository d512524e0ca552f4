// A person plays, by keys, buttons, sliders or the mouse, next to the newest policy in the same episode.
import { at, make, post } from "/asking.js";
import { short } from "/chart.js";

const MILLISECONDS = 50; // between two actions that are sent
const WORDS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Space: "space" };
const HANDLED = ["INPUT", "SELECT", "TEXTAREA", "CANVAS"]; // which have keys of their own
let stream = null;
let seen = null; // the newest frame
let key = ""; // of the controls that are shown
let sent = null; // the last action that was sent, as JSON
let waiting = null; // a timer that sends the newest action
const pressed = new Set();

const name = (event) => (event.code === "Space" ? "Space" : event.key);

function stop() {
  if (stream) stream.close();
  [stream, seen, key, sent] = [null, null, "", null];
  pressed.clear();
  at("contest").textContent = "Play yourself";
  at("contest").setAttribute("aria-pressed", "false");
  at("contest-again").hidden = true;
  at("contest-state").textContent = "";
}

function start() {
  const query = { run: at("rival").value };
  if (at("pace").value) query.pace = at("pace").value;
  stream = new EventSource(`/api/contest?${new URLSearchParams(query)}`);
  at("contest").textContent = "Stop playing";
  at("contest").setAttribute("aria-pressed", "true");
  at("contest-state").textContent = "making two environments …";
  stream.addEventListener("frame", (event) => show(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    if (!stream) return;
    const closed = stream.readyState === EventSource.CLOSED;
    stop(); // an episode that was cut off is not gone on with
    at("contest-state").textContent = closed ? "It was refused: too many play already." : "The server does not answer.";
  });
}

function show(frame) {
  if (!stream) return;
  if (frame.problem) {
    at("contest-state").textContent = frame.problem;
    return;
  }
  seen = frame;
  at("arena").hidden = false;
  arrange(frame);
  const { you, policy, scores } = frame;
  at("own-frame").src = you.frame;
  at("rival-frame").src = policy.frame;
  at("own-about").textContent = `You: ${short(you.reward)} after ${you.steps} steps${you.done ? ", and it is over" : ""}`;
  const about = `The policy: ${short(policy.reward)} after ${policy.steps} steps`;
  at("rival-about").textContent = `${about}${policy.done ? ", and it is over" : ""}`;
  at("contest-again").hidden = !you.done;
  const told = you.done && policy.done ? `You ${short(you.reward)}, the policy ${short(policy.reward)}.` : "";
  if (at("contest-state").textContent !== told) at("contest-state").textContent = told;
  at("contest-scores").textContent = scores.length
    ? `Episodes so far (you : policy): ${scores.map(([own, its]) => `${short(own)} : ${short(its)}`).join(", ")}`
    : "";
}

// Buttons for choices, and sliders for numbers; made once for a contest.
function arrange({ contest, controls }) {
  if (key === contest) return;
  key = contest;
  const buttons = controls.choices.map(({ name: word, keys }, index) => {
    const shown = keys.map((one) => WORDS[one] || one).join(" + ");
    const button = make("button", shown ? `${word} (${shown})` : word, { type: "button" });
    button.addEventListener("pointerdown", () => send(index));
    button.addEventListener("pointerup", () => rest());
    button.addEventListener("click", (event) => event.detail === 0 && send(index)); // by keyboard or screen reader
    return button;
  });
  const sliders = controls.sliders.map(({ name: word, low, high }, index) => {
    const label = make("label", `${word} `);
    const range = { type: "range", min: low, max: high, step: (high - low) / 100, id: `slider-${index}` };
    const slider = make("input", "", range);
    slider.value = Math.min(Math.max(0, low), high);
    slider.addEventListener("input", sendSliders);
    label.append(slider);
    return label;
  });
  at("controls").replaceChildren(...buttons, ...sliders);
  at("arena-about").textContent = controls.sliders.length
    ? "Sliders, or the mouse over your picture: across for the first, up and down for the second."
    : "Keys, or the buttons.";
  at("arena").focus();
}

// The choice whose keys are all pressed, of several the one with most keys; where there is none, what is done at rest.
function chosen() {
  let [best, count] = [seen.controls.idle, 0];
  seen.controls.choices.forEach(({ keys }, index) => {
    if (keys.length > count && keys.every((one) => pressed.has(one))) [best, count] = [index, keys.length];
  });
  return best;
}

function rest() {
  if (seen && seen.pace !== "turns" && seen.controls.idle !== null) send(seen.controls.idle);
}

// In turns every press is an action; else the newest one counts, and is sent when it is another.
function send(action) {
  if (!seen || action === null) return;
  if (seen.pace === "turns") {
    post("/api/act", { contest: seen.contest, action });
    return;
  }
  const text = JSON.stringify(action);
  if (text === sent) return;
  sent = text;
  if (waiting) return;
  const now = () => seen && post("/api/act", { contest: seen.contest, action: JSON.parse(sent) });
  now();
  const first = sent;
  waiting = setTimeout(() => {
    waiting = null;
    if (sent !== first && sent !== null) now();
  }, MILLISECONDS);
}

function sendSliders() {
  send(seen.controls.sliders.map((_, index) => Number(at(`slider-${index}`).value)));
}

function press(event, down) {
  if (!stream || !seen || !seen.controls.choices.length || HANDLED.includes(event.target.tagName)) return;
  const known = seen.controls.choices.some(({ keys }) => keys.includes(name(event)));
  if (!known || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (seen.pace === "turns" && event.repeat) return;
  pressed[down ? "add" : "delete"](name(event));
  if (down || seen.pace !== "turns") send(chosen());
}

function point(event) {
  if (!seen || !seen.controls.sliders.length) return;
  const { width, height } = at("own-frame").getBoundingClientRect();
  const shares = [event.offsetX / width, 1 - event.offsetY / height];
  seen.controls.sliders.slice(0, 2).forEach(({ low, high }, index) => {
    at(`slider-${index}`).value = low + Math.min(1, Math.max(0, shares[index])) * (high - low);
  });
  sendSliders();
}

at("contest").addEventListener("click", () => (stream ? stop() : start()));
at("contest-again").addEventListener("click", () => {
  sent = null;
  post("/api/act", { contest: seen.contest, again: true });
  at("arena").focus();
});
at("own-frame").addEventListener("pointermove", point);
for (const id of ["rival", "pace"]) at(id).addEventListener("change", stop);
document.addEventListener("keydown", (event) => press(event, true));
document.addEventListener("keyup", (event) => press(event, false));
window.addEventListener("blur", () => pressed.clear());
document.addEventListener("visibilitychange", () => document.hidden && stop());

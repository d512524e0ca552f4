// Two clips of the newest policy, of which a person says which is better: by buttons, or by the keys that stand on them.
import { at, post } from "/asking.js";

const KEYS = {
  1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right", e: "tie", t: "tie", s: "skip", r: "replay", " ": "replay",
};
const SIDES = ["left", "right"];
const MILLISECONDS = 700; // between two looks while there is no pair
let comparing = false;
let shown = null; // the number of the question on screen
let busy = false;

export function offerComparing(training) {
  at("compare-section").hidden = !training || !training.going || !training.compares;
  if (at("compare-section").hidden && comparing) stop();
}

function stop() {
  [comparing, shown] = [false, null];
  at("compare").textContent = "Compare clips";
  at("compare").setAttribute("aria-pressed", "false");
  at("clips").hidden = true;
  at("compare-state").textContent = "";
  for (const side of SIDES) at(`clip-${side}`).removeAttribute("src");
}

function start() {
  comparing = true;
  at("compare").textContent = "Stop comparing";
  at("compare").setAttribute("aria-pressed", "true");
  look();
}

async function look() {
  if (!comparing) return;
  try {
    const answer = await fetch("/api/clips");
    const told = answer.ok ? await answer.json() : null;
    if (told && told.over) stop();
    else if (told) show(told);
    else at("compare-state").textContent = await answer.text();
  } catch {
    at("compare-state").textContent = "The server does not answer; every answer that was given is on the disk.";
  }
  if (comparing && shown === null) setTimeout(look, MILLISECONDS);
}

function show({ number, answered, room, why }) {
  if (!comparing) return;
  const count = `${answered.toLocaleString("en")} of at most ${room.toLocaleString("en")} comparisons`;
  at("compare-state").textContent = why ? `${count}; ${why}` : count;
  if (why) {
    at("clips").hidden = true;
    shown = null;
    return;
  }
  const first = at("clips").hidden;
  at("clips").hidden = false;
  if (shown !== number) {
    shown = number;
    for (const side of SIDES) at(`clip-${side}`).src = `/api/film?${new URLSearchParams({ number, side })}`;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) replay();
  }
  if (first) at("clips").focus();
}

function replay() {
  for (const side of SIDES) {
    const film = at(`clip-${side}`);
    film.currentTime = 0;
    film.play().catch(() => {}); // it was exchanged for another meanwhile
  }
}

async function judge(answer) {
  if (busy || shown === null) return;
  busy = true;
  at("compare-problem").textContent = "";
  const next = await post("/api/compare", { number: shown, answer });
  busy = false;
  if (next.problem) {
    at("compare-problem").textContent = next.problem;
    shown = null;
    setTimeout(look, MILLISECONDS);
  } else {
    show(next);
    if (shown === null) setTimeout(look, MILLISECONDS);
  }
}

at("compare").addEventListener("click", () => (comparing ? stop() : start()));
for (const button of document.querySelectorAll("[data-compare]")) {
  button.addEventListener("click", () => judge(button.dataset.compare));
}
at("replay").addEventListener("click", replay);
at("clips").addEventListener("keydown", (event) => {
  const asked = KEYS[event.key];
  const pressed = event.key === " " && event.target.tagName === "BUTTON"; // the space bar presses the button
  if (!asked || pressed || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (asked === "replay") replay();
  else judge(asked);
});

// Pairs of responses, of which a person says which is better: by buttons, or by the keys that stand on them.
import { at, enter, post } from "/asking.js";

const KEYS = { 1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right", t: "tie", s: "skip", u: "undo" };
let question = null;
let busy = false;

function show(next) {
  question = next;
  const over = next.left === undefined;
  const place = over ? `All ${next.count.toLocaleString("en")}` : `${next.answered + 1} of ${next.count.toLocaleString("en")}`;
  at("state").textContent = over ? `${place} are answered: ${next.file}` : `${place}, in ${next.file}`;
  at("pair").hidden = over;
  if (over) return;
  for (const part of ["prompt", "left", "right"]) at(part).textContent = next[part];
}

async function look() {
  try {
    const answer = await fetch("/api/question");
    if (answer.ok) show(await answer.json());
    else at("state").textContent = await answer.text();
  } catch {
    at("state").textContent = "The server does not answer; every answer that was given is on the disk. Trying again …";
    setTimeout(look, 3000);
  }
}

async function judge(answer) {
  if (busy || !question) return;
  busy = true;
  at("problem").textContent = "";
  const asked = answer === "undo" ? { undo: true } : { number: question.number, answer };
  const next = await post("/api/answer", asked);
  if (next.problem) {
    at("problem").textContent = next.problem;
    await look();
  } else show(next);
  busy = false;
}

for (const button of document.querySelectorAll("[data-answer]")) {
  button.addEventListener("click", () => judge(button.dataset.answer));
}
document.addEventListener("keydown", (event) => {
  const answer = KEYS[event.key];
  if (!answer || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  judge(answer);
});

await enter();
await look();

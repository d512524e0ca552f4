// What looks wrong with a run, asked for when somebody wants to know.
import { at, make, refill } from "/asking.js";

export function offerDiagnosis(runs) {
  refill(at("patient"), runs.map((run) => [run.name, run.id]));
}

function finding({ check, weight, wrong, evidence, remedies, source, picture }) {
  const item = make("li", "", { class: "finding" });
  const words = make("div");
  words.append(make("h3", `${weight.toFixed(2)} · ${wrong}`));
  words.append(make("p", evidence, { class: "note" }));
  const list = make("ul", "", { "aria-label": "what to try" });
  list.append(...remedies.map((remedy) => make("li", remedy)));
  words.append(list, make("p", [check, source].filter(Boolean).join("; "), { class: "note" }));
  item.append(words);
  if (picture) item.append(make("img", "", { src: picture, alt: `evidence for ${check}: ${evidence}` }));
  return item;
}

async function diagnose() {
  at("diagnose").disabled = true;
  at("diagnosis-title").textContent = "looking …";
  try {
    const answer = await fetch(`/api/diagnosis?${new URLSearchParams({ run: at("patient").value })}`);
    if (answer.ok) {
      const { title, notes, findings } = await answer.json();
      at("diagnosis-title").textContent = title;
      at("findings").replaceChildren(...findings.map(finding));
      at("diagnosis-notes").replaceChildren(...notes.map((note) => make("p", note, { class: "note" })));
    } else at("diagnosis-title").textContent = await answer.text();
  } catch {
    at("diagnosis-title").textContent = "The server does not answer.";
  }
  at("diagnose").disabled = false;
}

at("diagnose").addEventListener("click", diagnose);

// What every page of the server needs: elements, questions to the server, and the token for the cookie.

export const at = (id) => document.getElementById(id);

export function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// The values that came back, or {problem} in words.
export async function post(path, values) {
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(values) };
  try {
    const answer = await fetch(path, options);
    const known = answer.headers.get("content-type") === "application/json";
    if (known) return await answer.json();
    return answer.ok ? {} : { problem: await answer.text() };
  } catch {
    return { problem: "The server does not answer." };
  }
}

// The token comes in the fragment of the address once, and is kept in a cookie that scripts cannot read.
export async function enter() {
  const token = location.hash.slice(1);
  if (!token || at(token)) return; // a part of the page
  history.replaceState(null, "", location.pathname);
  const { problem } = await post("/enter", { token });
  if (problem) at("state").textContent = "That token is not right: open the address that the terminal shows.";
}

const LONGEST_PAUSE = 5000; // ms

// A function that does work soon, once for all who ask meanwhile, and so rarely that it takes half a percent of the
// time, if that is not too rarely to look at: whoever trains on the same machine needs its processor.
export function sparingly(work) {
  let waiting = false;
  let free = 0;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(async () => {
      const began = performance.now();
      waiting = false;
      try {
        await work();
      } finally {
        const now = performance.now();
        free = now + Math.min(LONGEST_PAUSE, 200 * (now - began));
      }
    }, Math.max(0, free - performance.now()));
  };
}

// Refill a select where what can be chosen is another, and keep what is chosen.
export function refill(select, options) {
  const key = JSON.stringify(options);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const chosen = select.value;
  select.replaceChildren(...options.map(([text, value]) => new Option(text, value)));
  if (options.some(([, value]) => String(value) === chosen)) select.value = chosen;
}

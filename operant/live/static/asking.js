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

// Refill a select where what can be chosen is another, and keep what is chosen.
export function refill(select, options) {
  const key = JSON.stringify(options);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const chosen = select.value;
  select.replaceChildren(...options.map(([text, value]) => new Option(text, value)));
  if (options.some(([, value]) => String(value) === chosen)) select.value = chosen;
}

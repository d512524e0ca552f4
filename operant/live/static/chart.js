// One chart: a few curves over environment steps, each with its interval, on a canvas.

const COLOURS = 6;

export function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return value.toExponential(2);
  if (size > 0 && size < 1e-3) return value.toExponential(1);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

// Round numbers that divide a range, at most `most` of them.
export function ticks(low, high, most) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
  return found;
}

export class Chart {
  constructor(metric) {
    this.metric = metric;
    this.curves = new Map(); // run → {name, x, y, low?, high?, seeds}
    this.cursor = null; // the step that is read off
    this.element = document.createElement("figure");
    const title = document.createElement("h3");
    title.textContent = metric;
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.caption = document.createElement("figcaption");
    this.element.append(title, this.canvas, this.caption);
    this.tell(null);
    this.canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.canvas.addEventListener("pointerleave", () => this.read(null));
    this.canvas.addEventListener("blur", () => this.read(null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  set(curves) {
    this.curves = curves;
    this.draw();
  }

  range() {
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const { x, y, low: lows, high: highs } of this.curves.values()) {
      if (!x.length) continue;
      left = Math.min(left, x[0]);
      right = Math.max(right, x[x.length - 1]);
      for (const values of [y, lows || [], highs || []]) {
        for (const value of values) {
          if (value !== null && value < low) low = value;
          if (value !== null && value > high) high = value;
        }
      }
    }
    if (left > right || low > high) return null;
    if (left === right) right = left + 1;
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return { left, right, low: low - room, high: high + room };
  }

  draw() {
    const range = this.range();
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    this.frame = null;
    this.tell(range);
    if (!range) return;
    const inner = { left: 56, right: width - 10, top: 8, bottom: height - 22 };
    const px = (x) => inner.left + ((x - range.left) / (range.right - range.left)) * (inner.right - inner.left);
    const py = (y) => inner.bottom - ((y - range.low) / (range.high - range.low)) * (inner.bottom - inner.top);
    this.frame = { inner, range };
    pen.strokeStyle = colour("--line");
    pen.fillStyle = colour("--faint");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    for (const y of ticks(range.low, range.high, 4)) {
      pen.beginPath();
      pen.moveTo(inner.left, py(y));
      pen.lineTo(inner.right, py(y));
      pen.stroke();
      pen.fillText(short(y), inner.left - 6, py(y) + 4);
    }
    pen.textAlign = "center";
    for (const x of ticks(range.left, range.right, 4)) pen.fillText(short(x), px(x), height - 6);
    for (const [run, { x, y, low, high }] of this.curves) {
      const own = colour(`--run${run % COLOURS}`);
      if (low) {
        pen.globalAlpha = 0.2;
        pen.fillStyle = own;
        pen.beginPath();
        x.forEach((step, i) => high[i] !== null && pen.lineTo(px(step), py(high[i])));
        for (let i = x.length - 1; i >= 0; i--) if (low[i] !== null) pen.lineTo(px(x[i]), py(low[i]));
        pen.fill();
        pen.globalAlpha = 1;
      }
      pen.strokeStyle = own;
      pen.lineWidth = 1.8;
      pen.lineJoin = "round";
      pen.beginPath();
      x.forEach((step, i) => y[i] !== null && pen.lineTo(px(step), py(y[i])));
      if (x.length === 1 && y[0] !== null) pen.arc(px(x[0]), py(y[0]), 2, 0, 2 * Math.PI); // no line leads there yet
      pen.stroke();
    }
    if (this.cursor !== null) {
      pen.strokeStyle = colour("--faint");
      pen.beginPath();
      pen.moveTo(px(this.cursor), inner.top);
      pen.lineTo(px(this.cursor), inner.bottom);
      pen.stroke();
    }
  }

  // What the curves say at the cursor, or at their ends, in words: below the chart and for those who do not see it.
  tell(range) {
    const parts = [];
    for (const { name, x, y, low, high } of this.curves.values()) {
      if (!x.length) continue;
      let i = x.length - 1;
      if (this.cursor !== null) while (i > 0 && x[i] > this.cursor) i--;
      const between = low ? ` [${short(low[i])} … ${short(high[i])}]` : "";
      parts.push(`${name}: ${short(y[i])}${between} at ${x[i].toLocaleString("en")}`);
    }
    this.caption.textContent = range ? parts.join("; ") : "nothing yet";
    this.canvas.setAttribute("aria-label", `${this.metric}. ${this.caption.textContent}`);
  }

  point(offset) {
    if (!this.frame) return;
    const { inner, range } = this.frame;
    const share = Math.min(1, Math.max(0, (offset - inner.left) / (inner.right - inner.left)));
    this.read(range.left + share * (range.right - range.left));
  }

  key(event) {
    if (!this.frame || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    const { left, right } = this.frame.range;
    const by = ((right - left) / 50) * (event.key === "ArrowLeft" ? -1 : 1);
    this.read(Math.min(right, Math.max(left, (this.cursor === null ? right : this.cursor) + by)));
  }

  read(step) {
    this.cursor = step;
    this.draw();
  }
}

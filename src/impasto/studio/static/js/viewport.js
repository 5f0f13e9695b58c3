// Zoom and pan of one box: wheel, pinch, drag, double click, keys. It knows numbers, not pictures.

const MOST = 32;
const STEP = 1.25;

/**
 * `host`: the element looked through. `pans(event)`: whether a single pointer drags the view (else it is somebody
 * else's, and only two fingers move it). `changed(view)`: put the layers where they belong. `digits`: 0 and 1 zoom.
 */
export class Viewport {
  constructor(host, { pans = () => true, changed = () => {}, pinched = () => {}, digits = true } = {}) {
    this.host = host;
    this.digits = digits;
    this.pans = pans;
    this.changed = changed;
    this.pinched = pinched;
    this.width = 1;
    this.height = 1;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.fitted = true;
    this.pointers = new Map();
    host.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    host.addEventListener("pointerdown", (event) => this.#down(event));
    host.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) host.addEventListener(name, (event) => this.#up(event));
    host.addEventListener("dblclick", (event) => {
      if (!this.pans(event)) return;
      if (this.fitted) this.actual(event.clientX, event.clientY);
      else this.fit();
    });
    host.addEventListener("keydown", (event) => this.#key(event));
    this.observer = new ResizeObserver(() => (this.fitted ? this.fit() : this.#settle()));
    this.observer.observe(host);
  }

  /** Say how large the picture is; the view stays where it was on it. */
  setContent(width, height) {
    if (width === this.width && height === this.height) return;
    const ratio = this.width / width;
    this.width = width;
    this.height = height;
    if (this.fitted) this.fit();
    else {
      this.scale *= ratio;
      this.#settle();
    }
  }

  get box() {
    return this.host.getBoundingClientRect();
  }

  /** The scale at which all of the picture is seen. */
  get whole() {
    const { width, height } = this.box;
    return Math.min(width / this.width, height / this.height) || 1;
  }

  fit() {
    this.fitted = true;
    this.scale = this.whole;
    this.#settle();
  }

  /** One pixel of the picture on one of the screen. */
  actual(clientX, clientY) {
    this.zoom(1 / window.devicePixelRatio / this.scale, clientX, clientY);
  }

  /** Zoom by a factor about a point of the screen, or about the middle. */
  zoom(factor, clientX, clientY) {
    const box = this.box;
    const px = clientX === undefined ? box.width / 2 : clientX - box.left;
    const py = clientY === undefined ? box.height / 2 : clientY - box.top;
    const scale = Math.min(MOST, Math.max(Math.min(this.whole, 1) / 2, this.scale * factor));
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = Math.abs(scale / this.whole - 1) < 1e-3;
    this.#settle();
  }

  pan(dx, dy) {
    this.fitted = false;
    this.x += dx;
    this.y += dy;
    this.#settle();
  }

  /** Where on the picture a point of the screen is, in its pixels. */
  toPicture(clientX, clientY) {
    const box = this.box;
    return [(clientX - box.left - this.x) / this.scale, (clientY - box.top - this.y) / this.scale];
  }

  /** What is seen, in parts of the picture: the middle, and the scale over that of the whole. */
  get view() {
    const { width, height } = this.box;
    return {
      u: (width / 2 - this.x) / this.scale / this.width,
      v: (height / 2 - this.y) / this.scale / this.height,
      zoom: this.scale / this.whole,
    };
  }

  /** See the same part as another viewport does. */
  follow({ u, v, zoom }) {
    const { width, height } = this.box;
    this.scale = this.whole * zoom;
    this.fitted = Math.abs(zoom - 1) < 1e-3;
    this.x = width / 2 - u * this.width * this.scale;
    this.y = height / 2 - v * this.height * this.scale;
    this.#settle(false);
  }

  /** Keep the picture in the box, and in the middle where it is smaller. */
  #settle(own = true) {
    const { width, height } = this.box;
    const inside = (at, room, length) =>
      length <= room ? (room - length) / 2 : Math.min(room * 0.5, Math.max(room * 0.5 - length, at));
    this.x = inside(this.x, width, this.width * this.scale);
    this.y = inside(this.y, height, this.height * this.scale);
    this.changed(this, own);
  }

  /** Put a layer, whose own size is `width` pixels of the picture, in its place. */
  place(layer) {
    layer.style.width = `${this.width}px`;
    layer.style.height = `${this.height}px`;
    layer.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    layer.classList.toggle("pixels", this.scale * window.devicePixelRatio >= 4);
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.zoom(Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 400)), event.clientX, event.clientY);
  }

  #down(event) {
    if (event.target.closest("button, input, a") && event.target !== this.host) return;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 2) this.pinched();
    if (this.pointers.size === 2 || this.pans(event)) {
      this.host.setPointerCapture(event.pointerId);
      this.host.classList.add("dragging");
    }
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      const middle = (point, axis) => (point[axis] + other[axis]) / 2;
      this.pan(middle(now, 0) - middle(before, 0), middle(now, 1) - middle(before, 1));
      this.zoom(apart(now) / Math.max(1, apart(before)), middle(now, 0), middle(now, 1));
    } else if (this.pans(event)) {
      this.pan(now[0] - before[0], now[1] - before[1]);
    }
    this.pointers.set(event.pointerId, now);
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.host.classList.remove("dragging");
  }

  #key(event) {
    if (event.target !== this.host || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (this.digits && event.key === "0") this.fit();
    else if (this.digits && event.key === "1") this.actual();
    else if (moves[event.key] && this.pans(event)) this.pan(...moves[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

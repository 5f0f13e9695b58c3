// A mask as labels, one byte a pixel: brush, lasso and fill write whole pixels, so that no edge has a colour of its own.

const NOTHING = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };

/** The box around two boxes; right and bottom are beyond the last pixel. */
export const around = (a, b) => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
});
export const empty = (box) => box.right <= box.left || box.bottom <= box.top;

export class Labels {
  constructor(width, height, data = new Uint8Array(width * height)) {
    this.width = width;
    this.height = height;
    this.data = data;
  }

  /** Set pixels of a row from `from` up to `to`, as far as they exist; gives the box that changed. */
  #span(y, from, to, label) {
    const left = Math.max(0, from);
    const right = Math.min(this.width, to);
    if (y < 0 || y >= this.height || left >= right) return NOTHING;
    this.data.fill(label, y * this.width + left, y * this.width + right);
    return { left, top: y, right, bottom: y + 1 };
  }

  /** Paint what a round brush covers on its straight way: pixels whose middle is within `radius` of it. */
  stroke(x0, y0, x1, y1, radius, label) {
    let box = NOTHING;
    const r = Math.max(0.5, radius);
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy;
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - r));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(y0, y1) + r));
    for (let y = top; y <= bottom; y++) {
      const middle = y + 0.5;
      let [from, to] = [Infinity, -Infinity];
      // The two discs at the ends, and the band between them, each cut by this row.
      for (const [cx, cy] of [[x0, y0], [x1, y1]]) {
        const half = r * r - (middle - cy) ** 2;
        if (half >= 0) [from, to] = [Math.min(from, cx - Math.sqrt(half)), Math.max(to, cx + Math.sqrt(half))];
      }
      if (length > 0) {
        const size = Math.sqrt(length);
        const [nx, ny] = [(-dy / size) * r, (dx / size) * r];
        const corners = [[x0 + nx, y0 + ny], [x1 + nx, y1 + ny], [x1 - nx, y1 - ny], [x0 - nx, y0 - ny]];
        for (let index = 0; index < 4; index++) {
          const [[ax, ay], [bx, by]] = [corners[index], corners[(index + 1) % 4]];
          if (ay === by || middle < Math.min(ay, by) || middle > Math.max(ay, by)) continue;
          const x = ax + ((middle - ay) / (by - ay)) * (bx - ax);
          [from, to] = [Math.min(from, x), Math.max(to, x)];
        }
      }
      if (from <= to) box = around(box, this.#span(y, Math.ceil(from - 0.5), Math.floor(to - 0.5) + 1, label));
    }
    return box;
  }

  /** Paint the inside of an outline, given as points [x, y]: where a line to the left crosses it an odd number of times. */
  polygon(points, label) {
    let box = NOTHING;
    if (points.length < 3) return box;
    const rows = points.map((point) => point[1]);
    const top = Math.max(0, Math.floor(Math.min(...rows)));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(...rows)));
    for (let y = top; y <= bottom; y++) {
      const middle = y + 0.5;
      const cuts = [];
      for (let index = 0; index < points.length; index++) {
        const [ax, ay] = points[index];
        const [bx, by] = points[(index + 1) % points.length];
        if (ay <= middle !== by <= middle) cuts.push(ax + ((middle - ay) / (by - ay)) * (bx - ax));
      }
      cuts.sort((a, b) => a - b);
      for (let index = 0; index + 1 < cuts.length; index += 2) {
        box = around(box, this.#span(y, Math.ceil(cuts[index] - 0.5), Math.floor(cuts[index + 1] - 0.5) + 1, label));
      }
    }
    return box;
  }

  /**
   * Fill what hangs together around a pixel: of one label, and where `spread` is below 255 of about one colour in the
   * picture (`pixels`, RGBA) as well.
   */
  flood(x, y, label, pixels = null, spread = 255) {
    const { width, height, data } = this;
    const start = Math.floor(y) * width + Math.floor(x);
    if (x < 0 || y < 0 || x >= width || y >= height) return NOTHING;
    const from = data[start];
    const tint = pixels ? [0, 1, 2].map((channel) => pixels[start * 4 + channel]) : null;
    const alike = (at) =>
      spread >= 255 || !pixels || [0, 1, 2].every((channel) => Math.abs(pixels[at * 4 + channel] - tint[channel]) <= spread);
    const seen = new Uint8Array(width * height);
    const open = [start];
    seen[start] = 1;
    let box = NOTHING;
    while (open.length) {
      const at = open.pop();
      const [px, py] = [at % width, Math.floor(at / width)];
      data[at] = label;
      box = around(box, { left: px, top: py, right: px + 1, bottom: py + 1 });
      const next = (to, inside) => {
        if (inside && !seen[to] && data[to] === from && alike(to)) {
          seen[to] = 1;
          open.push(to);
        }
      };
      next(at - 1, px > 0);
      next(at + 1, px < width - 1);
      next(at - width, py > 0);
      next(at + width, py < height - 1);
    }
    return box;
  }

  /** Copy what is in a box. */
  cut({ left, top, right, bottom }) {
    const width = right - left;
    const piece = new Uint8Array(width * (bottom - top));
    for (let y = top; y < bottom; y++) {
      piece.set(this.data.subarray(y * this.width + left, y * this.width + right), (y - top) * width);
    }
    return piece;
  }

  /** Put back what was cut from a box. */
  paste({ left, top, right, bottom }, piece) {
    const width = right - left;
    for (let y = top; y < bottom; y++) {
      this.data.set(piece.subarray((y - top) * width, (y - top + 1) * width), y * this.width + left);
    }
  }

  get whole() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  /** Part of the picture that each of `count` labels has. */
  fractions(count) {
    const counts = Array.from({ length: count }, () => 0);
    for (const label of this.data) counts[label]++;
    return counts.map((pixels) => pixels / this.data.length);
  }

  get painted() {
    return this.data.some((label) => label !== 0);
  }

  /** The same at another size, each pixel the nearest one's. */
  resized(width, height) {
    if (width === this.width && height === this.height) return this;
    const made = new Labels(width, height);
    for (let y = 0; y < height; y++) {
      const row = Math.floor(((y + 0.5) * this.height) / height) * this.width;
      for (let x = 0; x < width; x++) made.data[y * width + x] = this.data[row + Math.floor(((x + 0.5) * this.width) / width)];
    }
    return made;
  }
}

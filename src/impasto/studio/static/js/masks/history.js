// Undo and redo over all masks together: what a box looked like before and after.

const MOST_BYTES = 96 << 20;

export class History {
  constructor(changed = () => {}) {
    this.changed = changed;
    this.done = [];
    this.undone = [];
    this.bytes = 0;
  }

  /** Keep a change of one or more masks: [{labels, box, before, after}]. */
  push(parts) {
    this.undone = [];
    this.done.push(parts);
    this.bytes = this.done.reduce((sum, each) => sum + size(each), 0);
    while (this.bytes > MOST_BYTES && this.done.length > 1) this.bytes -= size(this.done.shift());
    this.changed();
  }

  /** Take the last change back; gives its parts. */
  undo() {
    return this.#move(this.done, this.undone, "before");
  }

  redo() {
    return this.#move(this.undone, this.done, "after");
  }

  #move(from, to, which) {
    const parts = from.pop();
    if (!parts) return [];
    for (const part of parts) part.labels.paste(part.box, part[which]);
    to.push(parts);
    this.changed();
    return parts;
  }
}

const size = (parts) => parts.reduce((sum, part) => sum + part.before.length * 2, 0);

import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// discovery/event-queue.ts
var EventQueue = class {
  #events = [];
  #onEnd;
  #signal;
  #abort = () => this.end();
  #wake;
  #ended = false;
  /** @param onEnd called once when the queue ends, for whatever reason */
  constructor(signal, onEnd = () => {
  }) {
    this.#signal = signal;
    this.#onEnd = onEnd;
    if (signal.aborted) this.#ended = true;
    else signal.addEventListener("abort", this.#abort, { once: true });
  }
  push(event) {
    if (this.#ended) return;
    this.#events.push(event);
    this.#wake?.();
  }
  /** Ends the iteration and drops the events that were not read yet. */
  end() {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener("abort", this.#abort);
    this.#events.length = 0;
    this.#wake?.();
    this.#onEnd();
  }
  async *[Symbol.asyncIterator]() {
    try {
      while (!this.#ended) {
        const batch = this.#events.splice(0);
        for (const event of batch) {
          if (this.#ended) return;
          yield event;
        }
        if (batch.length > 0) continue;
        await new Promise((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = void 0;
      }
    } finally {
      this.end();
    }
  }
};

export {
  EventQueue
};

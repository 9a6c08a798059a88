import {
  protocolOf,
  readMetadata,
  readNode
} from "./chunk-U4QRFBCZ.js";
import {
  parseObject
} from "./chunk-5QZTELKW.js";
import {
  createNode
} from "./chunk-ZOIAUEOT.js";

// discovery/registered-node.ts
import { isDeepStrictEqual } from "node:util";
var RegisteredNode = class {
  #own;
  #edited = {};
  #draining = false;
  /** @throws TypeError when the node is invalid */
  constructor(input) {
    this.#own = readableNode(input);
  }
  get node() {
    const node = { ...this.#own, ...this.#edited };
    return createNode(this.#draining ? { ...node, weight: 0 } : node);
  }
  /** @throws TypeError when a value is invalid; then nothing has changed */
  update({ weight, metadata, draining = this.#draining }) {
    const before = this.#own;
    this.#own = readableNode({
      ...before,
      weight: weight ?? before.weight,
      metadata: metadata ?? before.metadata
    });
    this.#draining = draining;
  }
  /**
   * Takes over the weight and the metadata of a value that somebody else has written. They apply until the
   * next call. What the value leaves out, or has as the node itself has it, applies as before.
   *
   * @returns whether the value describes this node: false when it has another address
   * @throws TypeError when the value is not a node
   */
  takeOver(value) {
    const object = parseObject(value);
    const { service, id, host, port, weight, metadata } = this.#own;
    if (object.id !== void 0 && object.id !== id)
      throw new TypeError("the value has the id of another node");
    const written = readNode(service, id, object);
    if (written.host !== host || written.port !== port) return false;
    const isWeightEdited = object.weight !== void 0 && written.weight !== weight;
    this.#edited = {
      ...isWeightEdited && !(this.#draining && written.weight === 0) && { weight: written.weight },
      ...object.metadata !== void 0 && !isDeepStrictEqual(written.metadata, metadata) && { metadata: written.metadata }
    };
    return true;
  }
  /** Returns to the weight and the metadata of the node itself. */
  forgetEdits() {
    this.#edited = {};
  }
};
function readableNode(input) {
  return createNode({
    ...input,
    metadata: readMetadata(input.metadata),
    protocol: protocolOf(input.protocol, "http")
  });
}

export {
  RegisteredNode
};

import { createNode, type Node, type NodeInput } from '../internal/nodes/node.ts'
import { readMetadata } from './codecs/metadata.ts'
import type { RegistrationChanges } from './registry.ts'

/**
 * A node as its registration writes it. While the node drains, its weight is 0 and the real weight is
 * remembered.
 */
export class RegisteredNode {
  #withWeight: Node
  #draining = false

  /** @throws TypeError when the node is invalid */
  constructor(input: NodeInput) {
    this.#withWeight = readableNode(input)
  }

  get node(): Node {
    return this.#draining ? createNode({ ...this.#withWeight, weight: 0 }) : this.#withWeight
  }

  /** @throws TypeError when a value is invalid; then nothing has changed */
  update({ weight, metadata, draining = this.#draining }: RegistrationChanges): void {
    const before = this.#withWeight
    this.#withWeight = readableNode({
      ...before,
      weight: weight ?? before.weight,
      metadata: metadata ?? before.metadata,
    })
    this.#draining = draining
  }
}

/** Returns the node as a gateway reads it back. */
function readableNode(input: NodeInput): Node {
  return createNode({ ...input, metadata: readMetadata(input.metadata) })
}

import { isDeepStrictEqual } from 'node:util'
import { createNode, type Node, type NodeInput } from '../internal/nodes/node.ts'
import { protocolOf, readMetadata } from './codecs/metadata.ts'
import { readNode } from './codecs/node-object.ts'
import { parseObject } from './codecs/value.ts'
import type { RegistrationChanges } from './registry.ts'

/**
 * A node as its registration writes it. While the node drains, its weight is 0 and the real weight is
 * remembered. A weight and metadata that an operator has written apply instead of the node's own.
 */
export class RegisteredNode {
  #own: Node
  #edited: { readonly weight?: number; readonly metadata?: Node['metadata'] } = {}
  #draining = false

  /** @throws TypeError when the node is invalid */
  constructor(input: NodeInput) {
    this.#own = readableNode(input)
  }

  get node(): Node {
    const node = { ...this.#own, ...this.#edited }
    return createNode(this.#draining ? { ...node, weight: 0 } : node)
  }

  /** @throws TypeError when a value is invalid; then nothing has changed */
  update({ weight, metadata, draining = this.#draining }: RegistrationChanges): void {
    const before = this.#own
    this.#own = readableNode({
      ...before,
      weight: weight ?? before.weight,
      metadata: metadata ?? before.metadata,
    })
    this.#draining = draining
  }

  /**
   * Takes over the weight and the metadata of a value that somebody else has written. They apply until the
   * next call. What the value leaves out, or has as the node itself has it, applies as before.
   *
   * @returns whether the value describes this node: false when it has another address
   * @throws TypeError when the value is not a node
   */
  takeOver(value: string): boolean {
    const object = parseObject(value)
    const { service, id, host, port, weight, metadata } = this.#own
    if (object.id !== undefined && object.id !== id)
      throw new TypeError('the value has the id of another node')
    const written = readNode(service, id, object)
    if (written.host !== host || written.port !== port) return false
    const isWeightEdited = object.weight !== undefined && written.weight !== weight
    this.#edited = {
      ...(isWeightEdited && !(this.#draining && written.weight === 0) && { weight: written.weight }),
      ...(object.metadata !== undefined &&
        !isDeepStrictEqual(written.metadata, metadata) && { metadata: written.metadata }),
    }
    return true
  }

  /** Returns to the weight and the metadata of the node itself. */
  forgetEdits(): void {
    this.#edited = {}
  }
}

/** Returns the node as a gateway reads it back. */
function readableNode(input: NodeInput): Node {
  return createNode({
    ...input,
    metadata: readMetadata(input.metadata),
    protocol: protocolOf(input.protocol, 'http'),
  })
}

import type { Node } from '../../internal/nodes/node.ts'

/**
 * A value format: how one family of services registers itself in a store. Each codec is one file and one line
 * in `codecs.ts`. `test/discovery/codec-contract.ts` tests all of them.
 */
export interface Codec {
  /** The name by which the configuration chooses it. */
  readonly name: string
  /**
   * Decodes the nodes of one key. A value may mean that there are none.
   *
   * @param path the key after the prefix, e.g. `user/u1`
   * @throws TypeError with a reason for people when the value does not decode; this does not affect other
   * keys
   */
  decode(path: string, value: string): readonly Node[]
}

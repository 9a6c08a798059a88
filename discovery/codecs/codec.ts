import type { Node } from '../../internal/nodes/node.ts'

/**
 * How one family of services writes itself into a store. One file and one line in `codecs.ts` each;
 * `test/discovery/codec-contract.ts` runs over all of them.
 */
export interface Codec {
  /** The name it is chosen by in the configuration. */
  readonly name: string
  /**
   * The nodes that one key speaks of; none when the value says so.
   *
   * @param path the key after the prefix, e.g. `user/u1`
   * @throws TypeError with a reason for people when it does not decode; its neighbours are not concerned.
   */
  decode(path: string, value: string): readonly Node[]
}

import type { Codec } from './codec.ts'
import { readInstance } from './kitex.ts'

/**
 * The value of {@link kitexCodec}, as hertz-contrib's `registry/etcd` writes it below `hertz/registry-etcd`: Hertz
 * is an HTTP framework, so the node is HTTP. Nothing in the value tells the two apart; `auto` takes it for
 * Kitex's.
 */
export const hertzCodec: Codec = {
  name: 'hertz',
  decode: (path, value) => [readInstance(path, value, 'http')],
}

import type { Codec } from './codec.ts'
import { readInstance } from './kitex.ts'

/**
 * Reads the value format of {@link kitexCodec}, as hertz-contrib's `registry/etcd` writes it below
 * `hertz/registry-etcd`. Hertz is an HTTP framework, so the node speaks HTTP. Nothing in the value
 * distinguishes it from Kitex's, so `auto` reads it as `kitex`.
 */
export const hertzCodec: Codec = {
  name: 'hertz',
  decode: (path, value) => [readInstance(path, value, 'http')],
}

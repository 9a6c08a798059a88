import { GRPC_STATUS } from './status.ts'

/** Tag bytes of the Protocol Buffers wire format: the field's number, and 2 for a length or 0 for a number. */
const tag = (field: number, wire: 0 | 2): number => (field << 3) | wire

/**
 * Returns the value of `grpc-status-details-bin`: a `google.rpc.Status` with one `google.rpc.ErrorInfo`, in base64 without
 * padding. The few fields are written by hand, because a library for Protocol Buffers would be loaded for this alone.
 *
 * @param reason a constant that programs look at, such as WG_NO_NODE
 */
export function writeErrorInfo(status: number, message: string, reason: string): string {
  const info = Buffer.concat([text(1, reason), text(2, 'waygate')])
  const any = Buffer.concat([text(1, 'type.googleapis.com/google.rpc.ErrorInfo'), bytes(2, info)])
  const code = status === GRPC_STATUS.OK ? [] : [Buffer.from([tag(1, 0), status])]
  const encoded = Buffer.concat([...code, text(2, message), bytes(3, any)])
  return encoded.toString('base64').replace(/=+$/, '')
}

function text(field: number, value: string): Buffer {
  return value === '' ? Buffer.alloc(0) : bytes(field, Buffer.from(value, 'utf8'))
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag(field, 2), ...varint(value.length)]), value])
}

function varint(value: number): number[] {
  const parts: number[] = []
  let rest = value
  while (rest > 0x7f) {
    parts.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return [...parts, rest]
}

const TRAILERS_FLAG = 0x80
const PREFIX_BYTES = 5

/**
 * Returns the last frame of a gRPC-web body, which has the trailers in it, because scripts in browsers cannot read those of
 * HTTP (grpc/doc/PROTOCOL-WEB.md).
 *
 * @param lines flat: name, value, name, value; names become lower case
 * @param isText whether the body is base64, as that of `application/grpc-web-text`
 */
export function writeWebTrailers(lines: readonly string[], isText: boolean): Buffer {
  let text = ''
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]!.toLowerCase()}: ${lines[i + 1]}\r\n`
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + text.length)
  frame[0] = TRAILERS_FLAG
  frame.writeUInt32BE(text.length, 1)
  frame.write(text, PREFIX_BYTES, 'latin1')
  return isText ? Buffer.from(frame.toString('base64'), 'latin1') : frame
}

const NOT_BASE64 = /[^A-Za-z0-9+/=]/
const GROUP = 4

/**
 * Decodes the base64 of a body of `application/grpc-web-text`, which may come in any chunks. It may consist of several
 * padded parts, since clients encode what they have at a time.
 */
export class WebTextDecoder {
  /** Up to three characters of a group that is not whole. */
  #held = ''

  /**
   * Returns the bytes of all whole groups; empty when there are none. Returns undefined when the text is not base64; the
   * decoder cannot be used after that.
   */
  push(chunk: Buffer): Buffer | undefined {
    const text = this.#held + chunk.toString('latin1')
    const whole = text.length - (text.length % GROUP)
    this.#held = text.slice(whole)
    return decodeGroups(text.slice(0, whole))
  }

  /** Whether the text may end here. */
  get isWhole(): boolean {
    return this.#held === ''
  }
}

/** Decodes whole groups, any of which may be padded. Buffer alone would stop at the first padding. */
function decodeGroups(groups: string): Buffer | undefined {
  if (NOT_BASE64.test(groups)) return undefined
  const bytes = Buffer.allocUnsafe((groups.length / GROUP) * 3)
  let filled = 0
  let end = 0
  for (let from = 0; from < groups.length; from = end) {
    const padding = groups.indexOf('=', from)
    end = padding === -1 ? groups.length : padding - (padding % GROUP) + GROUP
    if (padding !== -1 && !isPadding(groups, padding, end)) return undefined
    filled += bytes.write(groups.slice(from, end), filled, 'base64')
  }
  return bytes.subarray(0, filled)
}

/** Whether a group that ends at `end` has one or two characters of padding, and nothing behind them. */
function isPadding(text: string, padding: number, end: number): boolean {
  return padding === end - 1 || (padding === end - 2 && text.charAt(end - 1) === '=')
}

import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { QuietError } from '../../internal/http/quiet-error.ts'

/** Why bytes are no protobuf message of the expected type. It has no stack, because what nodes send is no crash. */
export class WireFault extends QuietError {
  override readonly name = 'WireFault'
}

/**
 * Reads the value of a field, whose tag was read.
 *
 * @param depth how deep messages are nested here
 * @param former what came for this field before: a message may come in several parts
 */
export type ReadValue = (reader: WireReader, depth: number, former?: unknown) => unknown

/**
 * Reads the wire format of protobuf (protobuf.dev/programming-guides/encoding), and counts what is made of it. Every method
 * may throw an error; `readWire` makes WireFaults of them.
 */
export class WireReader extends BinaryReader {
  /** Where the message that is being read ends. */
  end: number
  #budget: number

  constructor(bytes: Buffer, budget: number) {
    super(bytes, toText)
    this.end = bytes.length
    this.#budget = budget
  }

  /** Counts what is made of the bytes, before it is made. */
  spend(cost: number): void {
    this.#budget -= cost
    if (this.#budget < 0) throw new WireFault('the message is too large as JSON')
  }

  /** Skips the value of a field that is not known. */
  skipField(tag: number): void {
    if (tag >>> 3 === 0) throw new WireFault('a field has the number 0')
    this.skip(tag & 7, tag >>> 3)
  }

  /** Reads a message, or anything else that consists of fields or values, with its length in front. */
  message(read: ReadValue, depth: number, former?: unknown): unknown {
    const length = this.uint32()
    const from = this.pos
    this.pos += length
    return this.part(from, this.pos, read, depth, former)
  }

  /** Reads a message that ends with a tag (`DELIMITED` in editions, a group in proto2). */
  group(read: ReadValue, depth: number, former?: unknown): unknown {
    const from = this.pos
    let to = from
    for (let tag = this.uint32(); (tag & 7) !== WireType.EndGroup; tag = this.uint32()) {
      this.skipField(tag)
      to = this.pos
    }
    // What was skipped is read once more, and groups may be in groups.
    this.spend(to - from)
    return this.part(from, to, read, depth, former)
  }

  /** Reads a part of the bytes as one message, and goes on where the reader was. */
  part(from: number, to: number, read: ReadValue, depth: number, former?: unknown): unknown {
    const { pos, end } = this
    if (to > end) throw new WireFault('a field reaches beyond its message')
    this.pos = from
    this.end = to
    const value = read(this, depth, former)
    // Values are read up to the end of all bytes, so this is where one that reaches beyond its message is found.
    if (this.pos !== to) throw new WireFault('a field reaches beyond its message')
    this.pos = pos
    this.end = end
    return value
  }
}

/**
 * Reads bytes as one message.
 *
 * @param budget how much `spend` allows
 * @throws WireFault when they are none
 */
export function readWire(bytes: Buffer, read: ReadValue, budget: number): unknown {
  try {
    return new WireReader(bytes, budget).part(0, bytes.length, read, 1)
  } catch (error) {
    // The library tells about bad bytes by Errors and RangeErrors. Anything else is a mistake of ours.
    if (error instanceof WireFault || error instanceof TypeError) throw error
    throw new WireFault('a value is cut off or not valid', { cause: error })
  }
}

/** What is not UTF-8 becomes U+FFFD. */
function toText(bytes: Uint8Array): string {
  return (bytes as Buffer).toString()
}

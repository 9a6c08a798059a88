import { QuietError } from '../../internal/http/quiet-error.ts'
import { WIRE } from './write-scalar.ts'

const TWO_32 = 4_294_967_296
const MAX_GROUP_DEPTH = 64

/** Why bytes are no protobuf message of the expected type. It has no stack, because what nodes send is no crash. */
export class WireFault extends QuietError {
  override readonly name = 'WireFault'
}

/** Reads the wire format of protobuf (protobuf.dev/programming-guides/encoding). Every method may throw a WireFault. */
export class WireReader {
  readonly bytes: Buffer
  /** Where the next value begins. */
  at = 0
  /** The upper half of the last number that `varint64` or `fixed64` has read, unsigned. */
  high = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** Returns the lower 32 bits of a varint, unsigned. Tags, lengths and most numbers have no more. */
  varint32(): number {
    const byte = this.bytes[this.at]
    if (byte !== undefined && byte < 0x80) {
      this.at++
      return byte
    }
    return this.varint64()
  }

  /** Returns the lower 32 bits of a varint, unsigned, and sets `high`. */
  varint64(): number {
    const { bytes } = this
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[this.at++]
      if (byte === undefined) break
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        this.high = high >>> 0
        return low >>> 0
      }
    }
    throw new WireFault('a number is cut off or too long')
  }

  fixed32(): number {
    this.#need(4)
    const value = this.bytes.readUInt32LE(this.at)
    this.at += 4
    return value
  }

  /** Returns the lower 32 bits, unsigned, and sets `high`. */
  fixed64(): number {
    const low = this.fixed32()
    this.high = this.fixed32()
    return low
  }

  float(): number {
    this.#need(4)
    const value = this.bytes.readFloatLE(this.at)
    this.at += 4
    return value
  }

  double(): number {
    this.#need(8)
    const value = this.bytes.readDoubleLE(this.at)
    this.at += 8
    return value
  }

  /** Reads the length of what follows. Returns where that ends. */
  end(): number {
    const length = this.varint32()
    this.#need(length)
    return this.at + length
  }

  /** Returns a view of bytes that have their length in front. */
  lengthPrefixed(): Buffer {
    const end = this.end()
    const value = this.bytes.subarray(this.at, end)
    this.at = end
    return value
  }

  /** Reads a text that has its length in front. What is not UTF-8 becomes U+FFFD. */
  text(): string {
    const end = this.end()
    const value = this.bytes.toString('utf8', this.at, end)
    this.at = end
    return value
  }

  /** Skips the value of a field that is not known. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case WIRE.varint:
        this.varint64()
        return
      case WIRE.bits64:
        this.#need(8)
        this.at += 8
        return
      case WIRE.bytes:
        this.at = this.end()
        return
      case WIRE.bits32:
        this.#need(4)
        this.at += 4
        return
      case WIRE.startGroup:
        this.#skipGroup(tag, depth)
        return
      default:
        throw new WireFault('a field has an unknown wire type')
    }
  }

  #skipGroup(start: number, depth: number): void {
    if (depth > MAX_GROUP_DEPTH) throw new WireFault('groups are nested too deep')
    for (;;) {
      const tag = this.varint32()
      if ((tag & 7) === WIRE.endGroup) {
        if (tag >>> 3 !== start >>> 3) throw new WireFault('a group does not end')
        return
      }
      this.skip(tag, depth + 1)
    }
  }

  #need(bytes: number): void {
    if (this.at + bytes > this.bytes.length) throw new WireFault('a value is cut off')
  }
}

/** Returns a signed number of 64 bits, given as two unsigned halves, in digits. */
export function signedText(low: number, high: number): string {
  if (high === 0) return String(low)
  if (high < 0x20_0000) return String(high * TWO_32 + low)
  if (high >= 0xffe0_0000) return String((high - TWO_32) * TWO_32 + low)
  return String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)))
}

/** Returns an unsigned number of 64 bits, given as two unsigned halves, in digits. */
export function unsignedText(low: number, high: number): string {
  if (high < 0x20_0000) return String(high * TWO_32 + low)
  return String((BigInt(high) << 32n) | BigInt(low))
}

/** Returns the number that two unsigned halves are, signed. It is exact up to 2^53. */
export function signedNumber(low: number, high: number): number {
  return (high | 0) * TWO_32 + low
}

import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { type ProxyHeader, readProxyHeader } from '../../internal/http/proxy-header.ts'
import { canonicalAddress } from '../../middleware/request/client-address.ts'
import { binaryHeader, extra, withChecksum } from '../support/proxy-headers.ts'
import { Choice } from './choice.ts'
import { mutate } from './mutate.ts'

export interface ProxyHeaderFuzz {
  /** Headers read. */
  readonly count: number
  /** Headers that were read as one, and those that were refused. */
  readonly accepted: number
  readonly refused: number
  /** What went wrong, and the bytes that show it. */
  readonly findings: ReadonlyMap<string, string>
}

interface MadeHeader {
  readonly bytes: Buffer
  /** The address and port that it tells of, as text; undefined for none. */
  readonly client: string | undefined
}

/**
 * Makes valid and mutated headers of the PROXY protocol. A valid one must be read as it was made. Whatever the bytes are, the
 * verdict must not depend on how many more of them have arrived than it needs.
 *
 * @param isOver is called before each header with the number of headers read
 */
export function fuzzProxyHeaders(seed: number, isOver: (count: number) => boolean): ProxyHeaderFuzz {
  const choice = new Choice(seed)
  const findings = new Map<string, string>()
  let [count, accepted, refused] = [0, 0, 0]
  for (; !isOver(count); count++) {
    const made = makeHeader(choice)
    const isValid = choice.chance(0.3)
    const text = made.bytes.toString('latin1')
    const before = isValid ? text : mutate(choice, text, makeHeader(choice).bytes.toString('latin1'))
    const bytes = Buffer.from(before + choice.bytes(choice.below(40)), 'latin1')
    const verdict = readProxyHeader(bytes)
    if (verdict.kind === 'header') accepted++
    else if (verdict.kind === 'fault') refused++
    const problem = findProblem(bytes, verdict, isValid ? made : undefined)
    if (problem !== undefined) findings.set(problem, bytes.toString('latin1'))
  }
  return { count, accepted, refused, findings }
}

function findProblem(bytes: Buffer, verdict: ProxyHeader, made: MadeHeader | undefined): string | undefined {
  if (made) {
    if (verdict.kind !== 'header') return `a valid header is ${verdict.kind}`
    if (verdict.bytes !== made.bytes.length) return 'a valid header has another length'
    const { client } = verdict
    if ((client && `${canonicalAddress(client.address)} ${client.port}`) !== made.client)
      return 'a valid header tells of another client'
  }
  if (verdict.kind === 'header') {
    if (verdict.bytes > bytes.length) return 'a header is longer than what arrived'
    if (verdict.client && isIP(verdict.client.address) === 0) return 'a client has no address'
  }
  let decided: ProxyHeader | undefined
  for (let length = 0; length <= bytes.length; length++) {
    const early = readProxyHeader(bytes.subarray(0, length))
    if (decided && !isDeepStrictEqual(early, decided)) return 'a verdict changes with what follows'
    if (early.kind !== 'incomplete') decided = early
  }
  return undefined
}

function makeHeader(choice: Choice): MadeHeader {
  const port = choice.below(65_536)
  const isIPv6 = choice.chance(0.5)
  const address = Buffer.from(choice.bytes(isIPv6 ? 16 : 4), 'latin1')
  const groups = Array.from({ length: 8 }, (_, i) => (isIPv6 ? address.readUInt16BE(2 * i).toString(16) : ''))
  const text = isIPv6 ? groups.join(':') : address.join('.')
  const client = `${canonicalAddress(text)} ${port}`
  if (choice.chance(0.5)) {
    if (choice.chance(0.1)) return { bytes: Buffer.from('PROXY UNKNOWN\r\n'), client: undefined }
    const line = `PROXY TCP${isIPv6 ? 6 : 4} ${text} ${text} ${port} ${choice.below(65_536)}\r\n`
    return { bytes: Buffer.from(line), client }
  }
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(port)
  const extras = choice.some(0, 3, () =>
    extra(4 + choice.below(250), Buffer.from(choice.bytes(choice.below(20)), 'latin1')),
  )
  const block = Buffer.concat([address, address, ports, ...extras])
  if (choice.chance(0.1)) return { bytes: binaryHeader(0x20, choice.below(256), block), client: undefined }
  const make = choice.chance(0.5) ? withChecksum : binaryHeader
  return { bytes: make(0x21, isIPv6 ? 0x21 : 0x11, block), client }
}

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, isIPv4 } from 'node:net'
import type { TestContext } from 'node:test'

/**
 * How a name server answers for a name: with addresses, which may have a time to live in seconds, and may be those of
 * another name for which this one is an alias; with an error; not at all; or over UDP only with the wish to be asked over
 * TCP. IPv4 addresses may come late.
 */
export type NameAnswer =
  | {
      readonly addresses: readonly string[]
      readonly ttl?: number
      readonly truncated?: boolean
      readonly isAlias?: boolean
      readonly ip4AfterMs?: number
    }
  | 'unknown'
  | 'SERVFAIL'
  | 'silent'

export interface NameServer {
  /** `ADDRESS:PORT`. */
  readonly address: string
  /** Sets the answer for an absolute name, without the dot at its end. Names that are not set are unknown. */
  set(name: string, answer: NameAnswer): void
  /** The names that were asked for, once for each query of A records. */
  readonly asked: readonly string[]
}

const TYPE_A = 1
const TYPE_CNAME = 5
const TYPE_AAAA = 28
const HEADER_BYTES = 12
const RCODES = { unknown: 3, SERVFAIL: 2 } as const

/** Starts a name server on loopback, over UDP and TCP, that knows addresses. Closed after the test. */
export async function startNameServer(
  t: Pick<TestContext, 'after'>,
  at: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<NameServer> {
  const answers = new Map<string, NameAnswer>()
  const asked: string[] = []
  const reply = (query: Buffer, isUdp: boolean): Buffer | undefined => {
    const { name, end } = readName(query)
    const type = query.readUInt16BE(end)
    if (type === TYPE_A) asked.push(name)
    const answer = answers.get(name) ?? 'unknown'
    if (answer === 'silent') return undefined
    const question = query.subarray(HEADER_BYTES, end + 4)
    if (typeof answer === 'string') return Buffer.concat([head(query, RCODES[answer], false, 0), question])
    const isCut = answer.truncated === true && isUdp
    const fitting = answer.addresses.filter(each => type === (isIPv4(each) ? TYPE_A : TYPE_AAAA))
    const alias = answer.isAlias === true ? [record(TYPE_CNAME, ALIASED, answer.ttl ?? 60, SAME_NAME)] : []
    const owner = answer.isAlias === true ? ALIASED : SAME_NAME
    const found = fitting.map(each => record(type, addressBytes(each), answer.ttl ?? 60, owner))
    const records = isCut ? [] : [...alias, ...found]
    return Buffer.concat([head(query, 0, isCut, records.length), question, ...records])
  }

  const tcp = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      const answer = reply(bytes.subarray(2), false)
      if (answer === undefined) return
      const length = Buffer.alloc(2)
      length.writeUInt16BE(answer.length)
      socket.end(Buffer.concat([length, answer]))
    })
  })
  await once(tcp.listen(at.port, at.host), 'listening')
  const { port } = tcp.address() as AddressInfo
  const late = new Set<NodeJS.Timeout>()
  const udp = createSocket('udp4').on('message', (query, from) => {
    const answer = reply(query, true)
    if (answer === undefined) return
    const { name, end } = readName(query)
    const set = answers.get(name)
    const send = () => udp.send(answer, from.port, from.address)
    if (typeof set !== 'object' || set.ip4AfterMs === undefined || query.readUInt16BE(end) !== TYPE_A) send()
    else late.add(setTimeout(send, set.ip4AfterMs))
  })
  await once(udp.bind(port, at.host), 'listening')
  t.after(() => {
    for (const each of late) clearTimeout(each)
    udp.close()
    tcp.close()
  })
  return { address: `${at.host}:${port}`, set: (name, answer) => void answers.set(name, answer), asked }
}

/** Reads the name of the question, and where it ends. */
function readName(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function head(query: Buffer, rcode: number, isTruncated: boolean, answers: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  query.copy(bytes, 0, 0, 2)
  // An answer; recursion was desired and is available.
  bytes.writeUInt16BE(0x8180 | (isTruncated ? 0x0200 : 0) | rcode, 2)
  bytes.writeUInt16BE(1, 4)
  bytes.writeUInt16BE(answers, 6)
  return bytes
}

/** Stands for the name of the question. */
const SAME_NAME = Buffer.from([0xc0, HEADER_BYTES])
/** The name that every alias stands for: `aliased`. */
const ALIASED = Buffer.from('\x07aliased\0', 'latin1')

function record(type: number, value: Buffer, ttl: number, owner: Buffer): Buffer {
  const head = Buffer.from([0, type, 0, 1, 0, 0, 0, 0, 0, value.length])
  head.writeUInt32BE(ttl, 4)
  return Buffer.concat([owner, head, value])
}

function addressBytes(address: string): Buffer {
  return isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)
}

function ipv6Bytes(address: string): Buffer {
  const [left = [], right = []] = address.split('::').map(side => side.split(':').filter(Boolean))
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  return Buffer.from(groups.map(each => each.padStart(4, '0')).join(''), 'hex')
}

import { isIP } from 'node:net'
import { type Finding, show } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { ENFORCE, policyRule, textsOf } from './policy-rule.ts'

/** The schema of a list of addresses and CIDR ranges. */
export const RANGES = Type.Array(Type.String({ title: 'an IP address or a CIDR range' }), {
  minItems: 1,
  maxItems: 10_000,
})

/** `clients`: which addresses may use a route. */
export const clients = policyRule({
  schema: closed(
    {
      allow: Type.Optional({ ...RANGES, description: 'Only clients in these ranges may pass.' }),
      deny: Type.Optional({ ...RANGES, description: 'Clients in these ranges may not pass.' }),
      enforce: ENFORCE,
    },
    {
      title: 'client addresses',
      description:
        'The client addresses that may use the route: `{"allow": ["10.0.0.0/8"], "deny": ["10.6.6.6"]}`. Any other client gets 403. The rules of `routes.defaults` and of a document both apply.',
    },
  ),
  adds: true,
  *problems(rule) {
    const members = membersOf(rule)
    const { allow, deny } = members
    const isObject = members === rule
    if (isObject && allow === undefined && deny === undefined)
      yield { path: [], message: 'must have allow or deny' }
    yield* rangeProblems('allow', allow)
    yield* rangeProblems('deny', deny)
  },
  *warnings(rule) {
    const allow = textsOf(membersOf(rule).allow)
    if (allow.some(([, range]) => range.includes(':'))) return
    for (const [index, range] of allow) {
      if (range.endsWith('/0'))
        yield { path: ['allow', index], message: 'leaves out IPv6: add "::/0" for it' }
    }
  },
})

/** Finds what is wrong in a list of addresses and CIDR ranges, the value of a field. Accepts any value. */
export function* rangeProblems(field: string, ranges: unknown): Generator<Finding> {
  for (const [index, range] of textsOf(ranges)) {
    const message = rangeProblem(range)
    if (message !== undefined) yield { path: [field, index], message }
  }
}

function rangeProblem(range: string): string | undefined {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(range) ?? []
  const version = isIP(address)
  const length = version === 6 ? 128 : 32
  const prefix = bits === undefined ? length : Number(bits)
  if (version === 0 || prefix > length) return `must be an IP address or a CIDR range, not ${show(range)}`
  if (address.includes('%')) return `must not have a zone: ${show(range)}`
  return hasHostBits(address, prefix, version === 6)
    ? `has bits set beyond /${bits}: ${show(range)}`
    : undefined
}

/** Returns whether an address is not the first one of its network, which is most often a mistyped range. */
function hasHostBits(address: string, prefix: number, isV6: boolean): boolean {
  const bytes = bytesOf(address, isV6)
  return bytes.some((byte, i) => (byte & (0xff >> Math.min(8, Math.max(0, prefix - 8 * i)))) !== 0)
}

function bytesOf(address: string, isV6: boolean): number[] {
  if (!isV6) return address.split('.').map(Number)
  // The URL parser writes every spelling of an IPv6 address in one way, without dots.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::')
  const groups = (text: string | undefined) => (text ? text.split(':') : [])
  const [before, after] = [groups(head), groups(tail)]
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].flatMap(group => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

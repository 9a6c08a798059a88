import type { TestContext } from 'node:test'
import { isWellFormedAuthority } from '../support/authority-oracle.ts'
import { NODE_MODELS, readPath, ruleFor } from '../support/node-readings.ts'
import type { SeenRequest } from './canary-node.ts'
import { Choice } from './choice.ts'
import { ExpectedRequests } from './expected-requests.ts'
import { insertPiece, makeRequest } from './make-request.ts'
import { mutate } from './mutate.ts'
import { readAnswers } from './read-answers.ts'
import { readRequests, type SentRequest } from './read-requests.ts'
import { exchangePieces, Findings, GUARDED, runCases, startScene } from './scene.ts'

export interface RequestFuzzResult {
  /** Connections, each with one to three requests. */
  readonly count: number
  /** Requests that reached the node. */
  readonly seen: number
  readonly refused: number
  /** What went wrong, with the bytes that led to it. */
  readonly findings: ReadonlyMap<string, string>
}

/** Hop-by-hop headers, and headers that only proxies may set. A node must see none that a client sent. */
const NEVER = new Set([
  'te',
  'upgrade',
  'trailer',
  'keep-alive',
  'proxy-connection',
  'expect',
  'http2-settings',
  'forwarded',
  'x-real-ip',
])
const ONCE = ['host', 'x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'connection']

/**
 * Sends malformed requests to a gateway, several on one connection, in random pieces. A node behind it must see only
 * the requests that an oracle reads in the same bytes, each whole and once, without an identity that a client made up, and
 * none that it could take for one to a place that needs a token.
 * The client must see the answers in the order of its requests.
 */
export async function fuzzRequests(
  t: Pick<TestContext, 'after'>,
  seed: number,
  isOver: (count: number) => boolean,
): Promise<RequestFuzzResult> {
  const choice = new Choice(seed)
  const findings = new Findings()
  const expected = new ExpectedRequests()
  let seen = 0
  let refused = 0
  const port = await startScene(
    t,
    {
      onFinding: (what, bytes) => findings.add(what, bytes),
      onRequest(request) {
        seen++
        const unexpected = expected.see(keyOf(request))
        if (unexpected !== undefined) findings.add(unexpected, JSON.stringify(request))
        const problem = problemIn(request)
        if (problem !== undefined) findings.add(problem, JSON.stringify(request))
        const body = `<${request.target}>`
        return { bytes: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, ends: false }
      },
    },
    findings,
    // Many cases are the beginning of a request whose rest never comes.
    { headersTimeoutMs: 300, bodyIdleTimeoutMs: 300, keepAliveTimeoutMs: 2_000 },
  )
  let made = 0
  const count = await runCases(isOver, async () => {
    const text = makeCase(choice, () => `canary-${seed}-${++made}`)
    const sent = readRequests(text)
    const keys = sent.map(keyOf)
    expected.add(keys)
    const { received, isClosed } = await exchangePieces(port, cut(choice, text))
    expected.retire(keys)
    if (!isClosed) findings.add('a connection that was not closed', `${text}\n---\n${received}`)
    const answers = readAnswers(
      received,
      sent.map(({ method }) => method),
    )
    if (answers === undefined)
      findings.add('malformed bytes in place of an answer', `${text}\n---\n${received}`)
    for (const [index, { status, body }] of (answers ?? []).entries()) {
      if (status !== 200) refused++
      else if (body !== `<${sent[index]?.target}>`)
        findings.add('an answer to another request', `${text}\n---\n${received}`)
    }
  })
  return { count, seen, refused, findings: findings.all }
}

function makeCase(choice: Choice, newCanary: () => string): string {
  const requests = choice.some(1, 3, () => makeRequest(choice, newCanary()))
  const index = choice.below(requests.length)
  let changed = requests[index]!
  if (choice.chance(0.6)) changed = insertPiece(choice, changed, newCanary())
  if (choice.chance(0.6)) changed = mutate(choice, changed, makeRequest(choice, newCanary()))
  requests[index] = changed
  // Makes the gateway close the connection after it has understood all of it.
  return `${requests.join('')}GET /${newCanary()} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`
}

function cut(choice: Choice, text: string): string[] {
  const cuts = choice.some(0, 4, () => choice.below(text.length + 1)).sort((a, b) => a - b)
  return [0, ...cuts]
    .map((from, index) => text.slice(from, cuts[index] ?? text.length))
    .filter(each => each !== '')
}

function keyOf({ method, target, body }: SentRequest): string {
  return `${method} ${target} ${JSON.stringify(body)}`
}

const DOORS = [
  { path: '/*', isOpen: true },
  { path: GUARDED, isOpen: false },
]

function problemIn({ lines, target }: SeenRequest): string | undefined {
  for (const model of NODE_MODELS) {
    if (ruleFor(DOORS, readPath(model, target), model.foldsCase)?.isOpen === false)
      return `a place that needs a token, for a node that reads like "${model.name}"`
  }
  const names = lines.filter((_, i) => i % 2 === 0)
  for (const name of names) {
    if (name.replaceAll('_', '-') === 'x-user-id') return 'an identity that a client made up'
    if (NEVER.has(name)) return `${name} was passed on`
    if (name.includes('_') && ONCE.includes(name.replaceAll('_', '-')))
      return `${name} could be taken for a header of the gateway`
  }
  for (const once of ONCE) {
    if (names.filter(name => name === once).length !== 1) return `${once} is missing or repeated`
  }
  if (lines[names.indexOf('x-forwarded-for') * 2 + 1] !== '127.0.0.1')
    return 'an address that a client made up'
  const host = lines[names.indexOf('x-forwarded-host') * 2 + 1]
  if (host !== undefined && !isWellFormedAuthority(host)) return 'a malformed host'
  const framings = names.filter(name => name === 'content-length' || name === 'transfer-encoding')
  return framings.length > 1 ? 'more than one header about the framing' : undefined
}

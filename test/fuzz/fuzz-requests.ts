import type { TestContext } from 'node:test'
import { isWellFormedAuthority } from '../support/authority-oracle.ts'
import { NODE_MODELS, readPath, ruleFor } from '../support/node-readings.ts'
import type { CanaryAnswer, SeenRequest } from './canary-node.ts'
import { Choice } from './choice.ts'
import { ExpectedRequests } from './expected-requests.ts'
import { passedTrailers } from './hop-by-hop.ts'
import { insertPiece, makeRequest } from './make-request.ts'
import { mutate } from './mutate.ts'
import { readAnswers } from './read-answers.ts'
import { readRequests, type SentHead, type SentRequest } from './read-requests.ts'
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
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
  'forwarded',
  'x-forwarded-user',
  'client-cert',
])
/** What the gateway itself says to the node about trailers and the body. */
const PLAIN = { te: /^trailers$/, expect: /^100-continue$/, trailer: /^[^\s,]+(?:, [^\s,]+)*$/ }
const ONCE = [
  ...['host', 'x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'x-real-ip'],
  'connection',
]
/** Headers in which the gateway tells the node the client's address. */
const ADDRESSES = ['x-forwarded-for', 'x-real-ip']

/**
 * Sends malformed requests to a gateway, several on one connection, in random pieces. A node behind it must see only
 * the requests that an oracle reads in the same bytes, each whole and once, with those of its trailers that may pass, and
 * without an identity that a client made up, and none that it could take for one to a place that needs a token. A body
 * that the node is to be asked about must not come before it was asked for. The client must see the answers in the order of
 * its requests.
 */
export async function fuzzRequests(
  t: Pick<TestContext, 'after'>,
  seed: number,
  isOver: (count: number) => boolean,
): Promise<RequestFuzzResult> {
  const choice = new Choice(seed)
  const findings = new Findings()
  const expected = new ExpectedRequests()
  /** Heads of requests whose client waits for 100 Continue. */
  const asking = new ExpectedRequests()
  let seen = 0
  let refused = 0
  const port = await startScene(
    t,
    {
      onFinding: (what, bytes) => findings.add(what, bytes),
      onExpect(head) {
        const unexpected = asking.see(headOf(head))
        if (unexpected !== undefined)
          findings.add(`${unexpected}, to be asked for its body`, JSON.stringify(head))
        const problem = problemIn(head)
        if (problem !== undefined) findings.add(problem, JSON.stringify(head))
        const choice = [...head.target].reduce((sum, each) => sum + each.charCodeAt(0), 0) % 16
        if (choice === 0) return 'say nothing'
        return choice < 6 ? echo(head.target) : 'ask'
      },
      onRequest(request) {
        seen++
        const unexpected = expected.see(seenKeyOf(request))
        if (unexpected !== undefined) findings.add(unexpected, JSON.stringify(request))
        const problem = problemIn(request)
        if (problem !== undefined) findings.add(problem, JSON.stringify(request))
        return echo(request.target)
      },
    },
    findings,
    // Many cases are the beginning of a request whose rest never comes.
    { headersTimeoutMs: 300, bodyIdleTimeoutMs: 300, keepAliveTimeoutMs: 2_000 },
  )
  let made = 0
  const count = await runCases(isOver, async () => {
    const text = makeCase(choice, () => `canary-${seed}-${++made}`)
    const heads: SentHead[] = []
    const sent = readRequests(text, head => heads.push(head))
    const asked = heads.filter(head => head.expectsContinue).map(headOf)
    const keys = sent.map(keyOf)
    expected.add(keys)
    asking.add(asked)
    const { received, isClosed } = await exchangePieces(port, cut(choice, text))
    expected.retire(keys)
    asking.retire(asked)
    if (!isClosed) findings.add('a connection that was not closed', `${text}\n---\n${received}`)
    const answers = readAnswers(
      received,
      sent.map(({ method }) => method),
    )
    if (answers === undefined)
      findings.add('malformed bytes in place of an answer', `${text}\n---\n${received}`)
    for (const [index, { status, interims, body }] of (answers ?? []).entries()) {
      const { expectsContinue = true } = sent[index] ?? {}
      if (interims.length > (expectsContinue ? 1 : 0) || interims.some(({ status }) => status !== 100))
        findings.add('an interim answer that nobody gave', `${text}\n---\n${received}`)
      // A node may answer such a request without asking for its body, so the body need not be well-formed.
      const head = index < sent.length || heads[index]?.expectsContinue ? heads[index] : undefined
      if (status !== 200) refused++
      else if (body !== `<${head?.target}>`)
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

/** Stands for a request, with the trailers that it must have at the node. */
function keyOf({ method, target, body, trailers, connectionOptions }: SentRequest): string {
  return `${method} ${target} ${JSON.stringify([body, passedTrailers(trailers, connectionOptions)])}`
}

/** Stands for what the node sees. No trailer may be missing, and none may be there that must not pass. */
function seenKeyOf({ method, target, body, trailers }: SentRequest): string {
  return `${method} ${target} ${JSON.stringify([body, trailers])}`
}

function headOf({ method, target }: Pick<SentHead, 'method' | 'target'>): string {
  return `${method} ${target}`
}

function echo(target: string): CanaryAnswer {
  const body = `<${target}>`
  return { bytes: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, ends: false }
}

const DOORS = [
  { path: '/*', isOpen: true },
  { path: GUARDED, isOpen: false },
]

function problemIn({ lines, target }: Pick<SeenRequest, 'lines' | 'target'>): string | undefined {
  for (const model of NODE_MODELS) {
    if (ruleFor(DOORS, readPath(model, target), model.foldsCase)?.isOpen === false)
      return `a place that needs a token, for a node that reads like "${model.name}"`
  }
  const names = lines.filter((_, i) => i % 2 === 0)
  const valuesOf = (name: string) => lines.filter((_, i) => i % 2 === 1 && lines[i - 1] === name)
  for (const [name, pattern] of Object.entries(PLAIN)) {
    const values = valuesOf(name)
    if (values.length > 1 || values.some(value => !pattern.test(value)))
      return `${name} was passed on as it came`
  }
  if (names.includes('te') !== valuesOf('connection').includes('keep-alive, te'))
    return 'te is not hop-by-hop'
  const announced = valuesOf('trailer').flatMap(value => value.split(', '))
  if (announced.some(name => passedTrailers([name, ''], []).length === 0))
    return 'a trailer is announced that must not pass'
  for (const name of names) {
    if (name.replaceAll('_', '-') === 'x-user-id') return 'an identity that a client made up'
    if (NEVER.has(name)) return `${name} was passed on`
    if (name.includes('_') && ONCE.includes(name.replaceAll('_', '-')))
      return `${name} could be taken for a header of the gateway`
  }
  for (const once of ONCE) {
    if (names.filter(name => name === once).length !== 1) return `${once} is missing or repeated`
  }
  if (ADDRESSES.some(name => lines[names.indexOf(name) * 2 + 1] !== '127.0.0.1'))
    return 'an address that a client made up'
  const host = lines[names.indexOf('x-forwarded-host') * 2 + 1]
  if (host !== undefined && !isWellFormedAuthority(host)) return 'a malformed host'
  const framings = names.filter(name => name === 'content-length' || name === 'transfer-encoding')
  return framings.length > 1 ? 'more than one header about the framing' : undefined
}

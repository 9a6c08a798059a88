import type { TestContext } from 'node:test'
import type { CanaryAnswer } from './canary-node.ts'
import { Choice } from './choice.ts'
import { makeAnswer } from './make-answer.ts'
import { mutate } from './mutate.ts'
import { readAnswers } from './read-answers.ts'
import { LlhttpReader } from './read-llhttp.ts'
import { OurReader } from './read-ours.ts'
import { exchangePieces, Findings, runCases, startScene } from './scene.ts'

export interface AnswerFuzzResult {
  /** Client connections, each with three requests. */
  readonly count: number
  /** Answers of the node that reached a client whole, and answers of the gateway in place of others. */
  readonly whole: number
  readonly refused: number
  /** What went wrong, with the bytes that led to it. */
  readonly findings: ReadonlyMap<string, string>
}

const CANARY = /canary-\d+-\d+/g
const REQUESTS_PER_CONNECTION = 3

/**
 * Has a node behind a gateway send malformed answers. A client must see no answer to another client's request. An
 * answer may look whole to it only if llhttp reads the same whole answer in the bytes of the node.
 */
export async function fuzzAnswers(
  t: Pick<TestContext, 'after'>,
  seed: number,
  isOver: (count: number) => boolean,
): Promise<AnswerFuzzResult> {
  const choice = new Choice(seed)
  const findings = new Findings()
  /**
   * The node's answers by canary. They are made in the order of the requests, so that the seed determines all of them.
   */
  const prepared = new Map<string, CanaryAnswer>()
  let whole = 0
  let refused = 0
  let made = 0
  const port = await startScene(
    t,
    {
      onFinding: (what, bytes) => findings.add(what, bytes),
      onRequest: ({ target }) => prepared.get(target.slice(1)) ?? { bytes: '', ends: true },
    },
    findings,
  )
  const count = await runCases(isOver, async () => {
    const canaries = Array.from({ length: REQUESTS_PER_CONNECTION }, () => `canary-${seed}-${++made}`)
    for (const canary of canaries)
      prepared.set(canary, { bytes: makeMarked(choice, canary), ends: choice.chance(0.5) })
    const method = choice.of(['GET', 'GET', 'POST', 'HEAD'])
    const lines = method === 'POST' ? 'Content-Length: 0\r\n' : ''
    const pieces = canaries.map(
      (canary, index) =>
        `${method} /${canary} HTTP/1.1\r\nHost: h\r\n${lines}${index === canaries.length - 1 ? 'Connection: close\r\n' : ''}\r\n`,
    )
    const { received, isClosed } = await exchangePieces(port, pieces)
    const answers =
      received === undefined
        ? []
        : readAnswers(
            received,
            canaries.map(() => method),
          )
    if (!isClosed) {
      const sent = canaries.map(canary => prepared.get(canary)?.bytes)
      findings.add('a connection that was not closed', `${sent.join('\n---\n')}\n---\n${received}`)
    }
    if (answers === undefined) findings.add('malformed bytes in place of an answer', received)
    for (const [index, answer] of (answers ?? []).entries()) {
      const canary = canaries[index] ?? ''
      const sent = prepared.get(canary)?.bytes ?? ''
      const marks = `${answer.headers.join('\n')}\n${answer.body}`.match(CANARY) ?? []
      if (marks.some(mark => mark !== canary && !sent.includes(mark)))
        findings.add('an answer to another request', `${sent}\n---\n${received}`)
      if (answer.headers.includes('application/problem+json')) refused++
      else if (answer.isWhole) {
        whole++
        const problem = differenceOf(method, sent, answer)
        if (problem !== undefined) findings.add(problem, `${sent}\n---\n${received}`)
      }
    }
    for (const canary of canaries) prepared.delete(canary)
  })
  return { count, whole, refused, findings: findings.all }
}

/** Makes an answer with a canary in its head or body, most of them mutated. */
function makeMarked(choice: Choice, canary: string): string {
  const bytes = makeMarkedAnswer(choice, canary)
  if (choice.chance(0.3)) return bytes
  return mutate(choice, bytes, makeMarkedAnswer(choice, canary))
}

function makeMarkedAnswer(choice: Choice, canary: string): string {
  const { bytes } = makeAnswer(choice)
  if (choice.chance(0.5)) return bytes.replace('\r\n', `\r\nX-Canary: ${canary}\r\n`)
  const body = `${canary} ${choice.bytes(choice.below(2_000))}`
  return `HTTP/1.1 200 OK\r\nX-Canary: ${canary}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** How a whole answer at the client differs from what llhttp reads in the bytes of the node. */
function differenceOf(
  method: string,
  sent: string,
  { status, body }: { readonly status: number; readonly body: string },
): string | undefined {
  const ours = new OurReader().read(method, sent, [])
  const theirs = new LlhttpReader().read(method, sent, ours.end)
  if (theirs.outcome !== 'whole') return `an answer looks whole and is ${theirs.outcome}`
  if (theirs.status !== status) return 'the status differs'
  return theirs.body === body ? undefined : 'the body differs'
}

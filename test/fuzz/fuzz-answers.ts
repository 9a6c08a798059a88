import type { TestContext } from 'node:test'
import type { CanaryAnswer } from './canary-node.ts'
import { Choice } from './choice.ts'
import { passedTrailers } from './hop-by-hop.ts'
import { makeAnswer } from './make-answer.ts'
import { mutate } from './mutate.ts'
import { type ReceivedAnswer, readAnswers } from './read-answers.ts'
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
 * answer may look whole to it only if llhttp reads the same whole answer in the bytes of the node. It must come with the
 * interim answers that llhttp reads before it, and with those of the trailers that may pass.
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
    const lines = `${method === 'POST' ? 'Content-Length: 0\r\n' : ''}${choice.chance(0.5) ? 'TE: trailers\r\n' : ''}`
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
      const marks = JSON.stringify(answer).match(CANARY) ?? []
      if (marks.some(mark => mark !== canary && !sent.includes(mark)))
        findings.add('an answer to another request', `${sent}\n---\n${received}`)
      const isRefused = answer.headers.includes('application/problem+json')
      const early = interimProblem(method, sent, answer, answer.isWhole && !isRefused)
      if (early !== undefined) findings.add(early, `${sent}\n---\n${received}`)
      if (isRefused) refused++
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
  const mark = `X-Canary: ${canary}\r\n`
  if (choice.chance(0.5)) return bytes.replace('\r\n', `\r\n${mark}`)
  if (choice.chance(0.4)) {
    const interim = `HTTP/1.1 ${choice.of(['103 Early Hints', '102', '199 x'])}\r\n${mark}\r\n`
    return `${interim}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${mark}\r\n`
  }
  const body = `${canary} ${choice.bytes(choice.below(2_000))}`
  return `HTTP/1.1 200 OK\r\nX-Canary: ${canary}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** How a whole answer at the client differs from what llhttp reads in the bytes of the node. */
function differenceOf(
  method: string,
  sent: string,
  { status, body, trailers }: ReceivedAnswer,
): string | undefined {
  const ours = new OurReader().read(method, sent, [])
  const theirs = new LlhttpReader().read(method, sent, ours.end)
  if (theirs.outcome !== 'whole') return `an answer looks whole and is ${theirs.outcome}`
  if (theirs.status !== status) return 'the status differs'
  if (theirs.body !== body) return 'the body differs'
  const passed = passedTrailers(theirs.trailers, theirs.connectionOptions)
  return passed.join('\n') === trailers.join('\n') ? undefined : 'the trailers differ'
}

/** @param isWhole whether the client must have received all interim answers, and not only the first of them */
function interimProblem(
  method: string,
  sent: string,
  { interims }: ReceivedAnswer,
  isWhole: boolean,
): string | undefined {
  const ours = new OurReader().read(method, sent, [])
  const theirs = new LlhttpReader()
    .read(method, sent, ours.end)
    .interims.filter(({ status }) => status !== 100)
    .map(({ status, headers }) => ({ status, headers: withoutLength(headers) }))
  if (isWhole && theirs.length !== interims.length) return 'an interim answer is missing, or was made up'
  return JSON.stringify(theirs.slice(0, interims.length)) === JSON.stringify(interims)
    ? undefined
    : 'the interim answers differ'
}

function withoutLength(lines: readonly string[]): string[] {
  return lines.filter((_, i) => lines[i - (i % 2)]!.toLowerCase() !== 'content-length')
}

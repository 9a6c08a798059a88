import { encodeErrorInfo, encodeStatus } from '../support/grpc-echo.ts'

/** The ways in which every client calls, as the columns of the table. */
export const KINDS = [
  'unary',
  'server stream',
  'client stream',
  'bidi',
  'deadline',
  'cancel',
  'status',
  'details',
  'metadata',
  'large',
] as const
export type Kind = (typeof KINDS)[number]

/** What came of the calls of one kind. */
export interface KindResult {
  readonly kind: Kind
  /** Null when every call went as it should. */
  readonly error: string | null
  /** The servers that have answered, where the answer says so. */
  readonly nodes: readonly string[]
}

/** The message of failures. It has what must be encoded in `grpc-message`. */
export const FAILURE_MESSAGE = 'nö 100% ☃'
/** The details of failures: an encoded google.rpc.Status. */
export const FAILURE_DETAILS = encodeStatus(5, 'gone', [
  { type: 'google.rpc.ErrorInfo', value: encodeErrorInfo('GONE', 'tests') },
])

/** Runs the calls of each kind `rounds` times. A call resolves with the server that has answered, if it knows it. */
export async function runKinds(
  kinds: Partial<Record<Kind, () => Promise<string | undefined>>>,
  rounds: number,
): Promise<KindResult[]> {
  const results: KindResult[] = []
  for (const kind of KINDS) {
    const call = kinds[kind]
    if (!call) continue
    const nodes: string[] = []
    let error: string | null = null
    for (let round = 0; round < rounds; round++) {
      try {
        const node = await call()
        if (node !== undefined) nodes.push(node)
      } catch (failed) {
        error = String(failed).slice(0, 500)
      }
    }
    results.push({ kind, error, nodes })
  }
  return results
}

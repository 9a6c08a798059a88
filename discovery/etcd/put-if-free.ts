import { CompareResult, CompareTarget, type Etcd3, type ICompare } from 'etcd3'

export interface PutIfFree {
  readonly key: Buffer
  readonly value: Buffer
  /** The lease to put it under. */
  readonly lease: string
  /**
   * The revision of the write that may be replaced; undefined when there is none. A lease of ours would not do: etcd can carry out a
   * put late, after its caller has given up its answer, and under the same lease is by then what the caller has put since.
   */
  readonly replaces: bigint | undefined
  /** Those of the call. Default: those of the client. */
  readonly options?: { readonly deadline: number }
}

/**
 * Puts a key in one transaction if it does not exist, or was written last at the revision `replaces`.
 *
 * @returns the revision of the put; undefined when the key has been written by somebody else, or by an earlier call without an answer
 */
export async function putIfFree(
  client: Etcd3,
  { key, value, lease, replaces, options }: PutIfFree,
): Promise<bigint | undefined> {
  const result = CompareResult.Equal
  const success = [{ request_put: { key, value, lease } }]
  const isAbsent: ICompare = { key, result, target: CompareTarget.Create, create_revision: '0' }
  const isAsKnown: ICompare = { key, result, target: CompareTarget.Mod, mod_revision: String(replaces) }
  // A transaction has "and" but no "or", so the second condition is checked in the failure branch of the first.
  const otherwise = { request_txn: { compare: [isAsKnown], success, failure: [] } }
  const failure = replaces === undefined ? [] : [otherwise]
  const answer = await client.kv.txn({ compare: [isAbsent], success, failure }, options)
  const isDone = answer.succeeded || answer.responses[0]?.response_txn?.succeeded
  return isDone ? BigInt(answer.header.revision) : undefined
}

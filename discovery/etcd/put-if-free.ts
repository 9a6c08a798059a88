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
 * Puts a key in one transaction if it was written last at the revision `replaces`, or if it does not exist and nothing is to be
 * replaced. A key that is to be replaced and has been deleted is not put.
 *
 * @returns the revision of the put; undefined when the key has been written or deleted by somebody else, or written by an earlier
 * call without an answer
 */
export async function putIfFree(
  client: Etcd3,
  { key, value, lease, replaces, options }: PutIfFree,
): Promise<bigint | undefined> {
  // That of a key that does not exist is 0.
  const mod_revision = String(replaces ?? 0n)
  const compare: ICompare[] = [{ key, result: CompareResult.Equal, target: CompareTarget.Mod, mod_revision }]
  const success = [{ request_put: { key, value, lease } }]
  const answer = await client.kv.txn({ compare, success, failure: [] }, options)
  return answer.succeeded ? BigInt(answer.header.revision) : undefined
}

import {
  CompareResult,
  CompareTarget,
  type Etcd3,
  type ICompare,
  type ITxnRequest,
  type ITxnResponse,
} from 'etcd3'

export interface PutIfFree {
  readonly key: Buffer
  readonly value: Buffer
  /** The lease to put it under. */
  readonly lease: string
  /** Earlier leases of ours, under which the key also counts as ours. */
  readonly formers: readonly string[]
  /** The revision of a write by somebody else that may be replaced; undefined when there is none. */
  readonly replaces?: bigint | undefined
  /** Those of the call. Default: those of the client. */
  readonly options?: { readonly deadline: number }
}

/**
 * Puts a key in one transaction if it does not exist, is under one of our own leases, or was written last at
 * the revision `replaces`.
 *
 * @returns false when the key belongs to another process
 */
export async function putIfFree(
  client: Etcd3,
  { key, value, lease, formers, replaces, options }: PutIfFree,
): Promise<boolean> {
  const result = CompareResult.Equal
  const isUnder = (by: string): ICompare => ({ key, result, target: CompareTarget.Lease, lease: by })
  const isAbsent: ICompare = { key, result, target: CompareTarget.Create, create_revision: '0' }
  const isAsRead: ICompare[] =
    replaces === undefined ? [] : [{ key, result, target: CompareTarget.Mod, mod_revision: String(replaces) }]
  const conditions = [...[lease, ...formers].map(isUnder), isAbsent, ...isAsRead]
  // A transaction has "and" but no "or", so each condition is checked in the failure branch of the one before
  // it.
  const request = conditions.reduceRight<ITxnRequest | undefined>(
    (otherwise, condition) => ({
      compare: [condition],
      success: [{ request_put: { key, value, lease } }],
      failure: otherwise ? [{ request_txn: otherwise }] : [],
    }),
    undefined,
  )
  let answer: ITxnResponse | undefined = await client.kv.txn(request!, options)
  while (answer && !answer.succeeded) answer = answer.responses[0]?.response_txn
  return answer !== undefined
}

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
  /** Leases under which the key counts as ours, whatever its value. Default: none. */
  readonly ours?: readonly string[] | undefined
  /** The revision of a write that may be replaced; undefined when there is none. */
  readonly replaces?: bigint | undefined
  /** Those of the call. Default: those of the client. */
  readonly options?: { readonly deadline: number }
}

/**
 * Puts a key in one transaction if it does not exist, is under one of our own leases, or was written last at
 * the revision `replaces`.
 *
 * @returns the revision of the put; undefined when the key has been written by somebody else
 */
export async function putIfFree(
  client: Etcd3,
  { key, value, lease, ours = [], replaces, options }: PutIfFree,
): Promise<bigint | undefined> {
  const result = CompareResult.Equal
  const isUnder = (by: string): ICompare => ({ key, result, target: CompareTarget.Lease, lease: by })
  const isAbsent: ICompare = { key, result, target: CompareTarget.Create, create_revision: '0' }
  const isAsRead: ICompare[] =
    replaces === undefined ? [] : [{ key, result, target: CompareTarget.Mod, mod_revision: String(replaces) }]
  const conditions = [...ours.map(isUnder), isAbsent, ...isAsRead]
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
  const whole = await client.kv.txn(request!, options)
  let answer: ITxnResponse | undefined = whole
  while (answer && !answer.succeeded) answer = answer.responses[0]?.response_txn
  return answer && BigInt(whole.header.revision)
}

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
  /** Leases of the past under which the key is ours as well. */
  readonly formers: readonly string[]
}

/**
 * Puts a key that is absent, or that is under one of our own leases, in one transaction.
 *
 * @returns false when it is someone else's
 */
export async function putIfFree(client: Etcd3, { key, value, lease, formers }: PutIfFree): Promise<boolean> {
  const result = CompareResult.Equal
  const isUnder = (by: string): ICompare => ({ key, result, target: CompareTarget.Lease, lease: by })
  const isAbsent: ICompare = { key, result, target: CompareTarget.Create, create_revision: '0' }
  const conditions = [...[lease, ...formers].map(isUnder), isAbsent]
  // A transaction knows "and" but no "or": each condition is tried where the one before it fails.
  const request = conditions.reduceRight<ITxnRequest | undefined>(
    (otherwise, condition) => ({
      compare: [condition],
      success: [{ request_put: { key, value, lease } }],
      failure: otherwise ? [{ request_txn: otherwise }] : [],
    }),
    undefined,
  )
  let answer: ITxnResponse | undefined = await client.kv.txn(request!)
  while (answer && !answer.succeeded) answer = answer.responses[0]?.response_txn
  return answer !== undefined
}

import { kvCases } from './conformance-kv.ts'
import { leaseCases } from './conformance-lease.ts'
import { txnCases } from './conformance-txn.ts'
import { watchCases } from './conformance-watch.ts'
import type { Conversation } from './conversation.ts'

/** A conversation that goes the same way with every etcd. */
export type Case = (etcd: Conversation) => Promise<void>

/** What the embedded etcd and a real one must answer alike, by the behaviour's name. */
export const conformanceCases: Readonly<Record<string, Case>> = {
  ...kvCases,
  ...txnCases,
  ...leaseCases,
  ...watchCases,
}

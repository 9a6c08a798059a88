import { kvCases } from './conformance-kv.ts'
import { leaseCases } from './conformance-lease.ts'
import { txnCases } from './conformance-txn.ts'
import { watchCases } from './conformance-watch.ts'
import type { Conversation } from './conversation.ts'

/** A conversation that must be the same with every etcd. */
export type Case = (etcd: Conversation) => Promise<void>

/** The conversations in which the embedded etcd and a real one must answer alike, by name. */
export const conformanceCases: Readonly<Record<string, Case>> = {
  ...kvCases,
  ...txnCases,
  ...leaseCases,
  ...watchCases,
}

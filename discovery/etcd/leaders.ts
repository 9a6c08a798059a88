import type { Etcd3 } from 'etcd3'
import { jitteredBackoffMs, sleep, systemClock } from './clock.ts'
import { prefixRange } from './key-bytes.ts'
import { isRefusal, untilChange } from './lock-queue.ts'

/**
 * Yields the value of the first place in a queue, or undefined while it is empty, and every change until
 * `signal` aborts.
 */
export async function* leaders(
  client: Etcd3,
  queue: string,
  signal: AbortSignal,
): AsyncGenerator<string | undefined, void, void> {
  let last: { readonly value: string | undefined } | undefined
  for (let failures = 0; !signal.aborted; ) {
    try {
      const { header, kvs } = await client.kv.range({
        ...prefixRange(queue),
        sort_target: 'Create',
        sort_order: 'Ascend',
        limit: 1,
      })
      const value = kvs[0]?.value.toString()
      if (!last || last.value !== value) {
        last = { value }
        yield value
      }
      await untilChange(client, queue, BigInt(header.revision) + 1n, signal)
      failures = 0
    } catch (error) {
      if (isRefusal(error)) throw error
      await sleep(systemClock, jitteredBackoffMs(failures++, Math.random), signal)
    }
  }
}

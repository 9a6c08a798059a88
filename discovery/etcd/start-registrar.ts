import type { Registrar } from './registrar.ts'

/**
 * Starts a registrar. Resolves when etcd has the node.
 *
 * @throws the reason of `signal` when that aborts first, after revoking what may have reached etcd by then
 */
export async function startRegistrar(registrar: Registrar, signal: AbortSignal | undefined): Promise<void> {
  let left: Promise<void> | undefined
  const giveUp = () => {
    left = registrar.unregister()
  }
  if (signal?.aborted) giveUp()
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    await registrar.start()
  } catch (error) {
    await left
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}

import type { Registrar } from './registrar.ts'

/**
 * Resolves when the store has the registrar's node.
 *
 * @throws the reason of `signal` when that aborts first; what may have reached the store by then is revoked
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

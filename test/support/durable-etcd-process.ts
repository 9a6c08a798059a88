import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
// Loaded now, so that a start is only what a start does.
import '../../discovery/embedded-etcd/durable.ts'

// A durable embedded etcd and nothing else, as a process that can be killed. It starts when it is told its options.
process.once('message', async (options: Parameters<typeof startEmbeddedEtcd>[0]) => {
  try {
    await startEmbeddedEtcd(options)
    process.send?.('listening')
  } catch (error) {
    process.send?.({ error: (error as Error).message })
  }
})
process.once('disconnect', () => process.exit())

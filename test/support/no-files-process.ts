// A process that has no file descriptor left. Prints what becomes of a connection to a node, and of a suspect.
import { closeSync, openSync } from 'node:fs'
import type { Directory } from '../../discovery/directory.ts'
import { SuspectWatch } from '../../discovery/suspect-watch.ts'
import { nodeSockets } from '../../wrappers/transport/node-sockets.ts'
import { openSocket } from '../../wrappers/transport/open-socket.ts'
import { testNode } from './peer.ts'

const node = testNode({ host: '127.0.0.1', port: 9 })
const probed = Promise.withResolvers<void>()
let looks = 0
let dismissed = 0
const watch = new SuspectWatch({
  directory: {
    suspectCount: 1,
    suspects() {
      // All of the first look are over when the second one begins.
      if (++looks === 2) probed.resolve()
      return [{ key: 'k', nodes: [node], since: performance.now() }]
    },
    dismiss: () => {
      dismissed++
      return true
    },
  } as Partial<Directory> as Directory,
  graceMs: 60_000,
  intervalMs: 10,
})
const files: number[] = []
try {
  for (;;) files.push(openSync('/dev/null', 'r'))
} catch {
  // No more can be opened.
}
const { host, port } = node
const error = await new Promise<Error | undefined>(resolve => {
  openSocket({ host, port, timeoutMs: 5_000 }, resolve)
})
watch.check()
// The timer of the watch keeps no process alive.
const alive = setInterval(() => {}, 1_000)
await probed.promise
clearInterval(alive)
watch.stop()
for (const file of files) closeSync(file)
const { code } = error as NodeJS.ErrnoException
process.stdout.write(JSON.stringify({ code, counted: nodeSockets.outOfFiles, dismissed }))

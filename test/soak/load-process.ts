import { runLoad } from '../support/load.ts'

// The clients of a soak, in a process of their own: PORT PATH PER_SECOND MS. Sends what became of the requests.
const [port, path = '/', perSecond, durationMs] = process.argv.slice(2)

const { sent, statuses, errors } = await runLoad({
  ...{ port: Number(port), path, perSecond: Number(perSecond), durationMs: Number(durationMs) },
  connections: 100,
  // A machine that is busy with other things for a while must not fill this process with requests.
  atMost: 1_000,
})
process.send?.({ sent, failed: [...statuses, ...errors].filter(([status]) => status !== 200) })
process.disconnect?.()

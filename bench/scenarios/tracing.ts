import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Contender, Scenario } from '../scenario.ts'

/** Starts a collector that takes every batch and forgets it. It keeps no process alive. */
async function startSink(): Promise<string> {
  const sink = createServer((request, response) => {
    request.resume().on('end', () => response.end())
  })
  sink.listen(0, '127.0.0.1').unref()
  await once(sink, 'listening')
  return `http://127.0.0.1:${(sink.address() as AddressInfo).port}`
}

const gateway = (name: string, sampleRatio: number | undefined): Contender => ({
  name,
  start: async scene => {
    const tracing = sampleRatio === undefined ? {} : { tracing: { endpoint: await startSink(), sampleRatio } }
    return scene.startWaygate({ config: tracing })
  },
})

/**
 * Measures the cost of traces, which a collector on the other core takes. Processes that do the same differ, so there are two of each.
 */
export const tracing: Scenario = {
  name: 'tracing',
  title: 'GET, an answer of 110 bytes, with none, one of a hundred and all requests traced',
  load: { path: '/x', connections: 64 },
  contenders: () => [
    gateway('none', undefined),
    gateway('1 %', 0.01),
    gateway('all', 1),
    gateway('all, another process', 1),
    gateway('1 %, another process', 0.01),
    gateway('none, another process', undefined),
  ],
}

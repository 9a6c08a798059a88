import { EventEmitter } from 'node:events'
import { readdirSync } from 'node:fs'
import v8 from 'node:v8'
import { CircuitBreaker } from '../../wrappers/breaker/circuit-breaker.ts'
import { ConnectionPool } from '../../wrappers/http1/connection-pool.ts'
import { NodeConnection } from '../../wrappers/http1/node-connection.ts'
import { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'

// When loaded into a gateway (`--import`), writes the objects that the process holds to its log at each SIGUSR2.
process.on('SIGUSR2', () => {
  // Collects garbage first, so that only referenced objects are counted.
  const count = (of: abstract new (...args: never[]) => object) =>
    v8.queryObjects(of as never, { format: 'count' }) as unknown as number
  const holdings = {
    peers: count(UpstreamPeer),
    // Each of these walks the whole heap, which takes seconds.
    ...(process.env.INSPECT !== 'peers' && {
      pools: count(ConnectionPool),
      breakers: count(CircuitBreaker),
      connections: count(NodeConnection),
      emitters: count(EventEmitter),
    }),
    timers: process.getActiveResourcesInfo().filter(type => type === 'Timeout' || type === 'Immediate')
      .length,
    descriptors: readdirSync('/proc/self/fd').length,
    heapBytes: process.memoryUsage().heapUsed,
  }
  process.stdout.write(`${JSON.stringify({ level: 30, msg: 'holds', ...holdings })}\n`)
})

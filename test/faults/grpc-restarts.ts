import { test } from 'node:test'
import { handOverGrpc, restartGrpcNodes } from '../support/grpc-gateway-faults.ts'

test('three rolling restarts of nodes in Node, Python and Go with the sidecar fail no call', async t => {
  const { calls, restarts, languages } = await restartGrpcNodes(3)
  t.diagnostic(`${calls} calls, 0 failed; ${restarts} restarts of nodes in ${languages.join(', ')}`)
})

test('shutting down a gateway with --workers 2 fails no call of clients in Node, Python and Go, and of nghttp', async t => {
  const { clients, exitedMs, cutMs } = await handOverGrpc(5_000)
  const calls = [...clients].map(([name, report]) => `${name} ${report.calls}`).join(', ')
  t.diagnostic(
    `calls: ${calls}; 0 failed; a stream without an end was ended after ${Math.round(cutMs)} ms, exit after ${Math.round(exitedMs)} ms`,
  )
})

import { startGrpcNode } from './grpc-node.ts'
import { sayReady } from './say-ready.ts'

// A gRPC node as a separate process, on PORT or any free port, with health and reflection. SIGTERM lets calls end.
const [name = 'node'] = process.argv.slice(2)

const node = await startGrpcNode(name, { reflection: true, port: Number(process.env.PORT ?? 0) })
process.once('SIGTERM', async () => {
  await node.shutDown(5_000)
  process.exit(0)
})
sayReady({ port: node.port })
console.log(`listening on 127.0.0.1:${node.port}`)

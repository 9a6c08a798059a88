/** Passes the bytes of a connection on to a node, and back, without looking at them: what any proxy in Node takes at least. */
import { type AddressInfo, connect, createServer } from 'node:net'
import { announce } from './announce.ts'

const server = createServer({ noDelay: true }, client => {
  const node = connect({ port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true })
  for (const [from, to] of [
    [client, node],
    [node, client],
  ] as const) {
    from.on('data', bytes => {
      if (!to.write(bytes)) from.pause()
    })
    to.on('drain', () => from.resume())
    from.on('error', () => {}).on('close', () => to.destroy())
  }
})
server.listen(0, '127.0.0.1', () =>
  announce((server.address() as AddressInfo).port, process.version.slice(1)),
)

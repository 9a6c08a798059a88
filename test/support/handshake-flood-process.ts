import { once } from 'node:events'
import { connect } from 'node:net'
import { duplexPair } from 'node:stream'
import { connect as connectTls } from 'node:tls'

// Begins handshakes at PORT, PER_SECOND of them, until stdin ends. Prints `ready`, and at the end how many it has begun, and
// how many were answered.

const [, , port, perSecond] = process.argv
const INTERVAL_MS = 5

const [side, other] = duplexPair()
connectTls({ socket: side, servername: 'localhost', ALPNProtocols: ['http/1.1'] }).on('error', () => {})
const [hello] = (await once(other, 'data')) as [Buffer]

let begun = 0
let answered = 0
const startedAt = performance.now()
const timer = setInterval(() => {
  // When it falls behind on a busy machine, it makes up for it.
  const due = ((performance.now() - startedAt) / 1_000) * Number(perSecond)
  while (begun < due) {
    begun++
    // From several addresses, so that a limit for one of them is not what is tested.
    const localAddress = `127.0.0.${2 + (begun % 100)}`
    const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress }, () => socket.write(hello))
    socket
      .once('data', () => {
        answered++
        socket.destroy()
      })
      .on('error', () => {})
  }
}, INTERVAL_MS)
console.log('ready')
process.stdin.resume().once('end', () => {
  clearInterval(timer)
  console.log(JSON.stringify({ begun, answered }))
  process.exit()
})

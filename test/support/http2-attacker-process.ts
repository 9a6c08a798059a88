import { connect, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { HTTP2_ATTACKS, NEW_PER_SECOND } from './http2-attacks.ts'

// Attacks a port in a process of its own, which gives way to those that serve: PORT NAME, and then the time in
// milliseconds. Sends how many connections it opened and how many of them were ended.
const [port, name = '', durationMs] = process.argv.slice(2)
const { connections, hello, next, everyMs = 0, reads = true } = HTTP2_ATTACKS[name]!

setPriority(10)
const open = new Set<Socket>()
let opened = 0
let ended = 0
/** Those that every attack begins with are opened at once. */
let allowed = connections

function attack(): void {
  opened++
  allowed--
  const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true })
  open.add(socket)
  socket.write(hello)
  if (reads) socket.resume()
  else socket.pause()
  let n = 0
  const timer = next && setInterval(() => socket.write(Buffer.concat(next(n++))), everyMs)
  socket.on('error', () => {})
  socket.once('close', () => {
    clearInterval(timer)
    open.delete(socket)
    ended++
    fill()
  })
}

function fill(): void {
  while (open.size < connections && allowed > 0) attack()
}

fill()
const refill = setInterval(() => {
  allowed = Math.min(allowed + NEW_PER_SECOND / 10, NEW_PER_SECOND)
  fill()
}, 100)
setTimeout(() => {
  clearInterval(refill)
  process.send?.({ opened, ended }, () => process.exit(0))
}, Number(durationMs))

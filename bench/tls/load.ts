/**
 * Runs the load of handshakes in the JSON file of its argument, and prints the result as JSON. Each request has a connection
 * of its own, which it ends.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import type { LoadOptions, LoadResult } from '../load.ts'
import { percentile } from '../percentile.ts'

const load: LoadOptions = JSON.parse(readFileSync(process.argv[2]!, 'utf8'))
const { base, path, connections, seconds, handshakes, tokens: [token] = [], ca } = load
const url = new URL(base + path)
const request = [
  ...[`GET ${url.pathname} HTTP/1.1`, `host: ${url.host}`, 'connection: close'],
  ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
].join('\r\n')
const trusted = readFileSync(ca!)

const times: number[] = []
let failed = 0
let isOver = false

/** Makes a request on a new connection. Resolves with the session that the server gave. */
function ask(session?: Buffer): Promise<Buffer | undefined> {
  const begun = performance.now()
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
  let given: Buffer | undefined
  let isGood = false
  const socket = connect({
    ...{ host: url.hostname, port: Number(url.port), ca: trusted, servername: 'localhost' },
    ...(session && { session }),
  })
  socket
    .on('secureConnect', () => socket.write(`${request}\r\n\r\n`))
    .on('session', (next: Buffer) => {
      given = next
    })
    .once('data', (chunk: Buffer) => {
      const wasReused = socket.isSessionReused()
      isGood = chunk.toString('latin1').startsWith('HTTP/1.1 200') && wasReused === (session !== undefined)
      socket.resume()
    })
    .on('error', () => {
      isGood = false
    })
    .on('close', () => {
      if (!isOver) {
        times.push(performance.now() - begun)
        if (!isGood) failed++
      }
      resolve(given)
    })
  return promise
}

const session = handshakes === 'resumed' ? await ask() : undefined
if (handshakes === 'resumed' && session === undefined) throw new Error('there is no session to resume')
times.length = 0
const begun = performance.now()
for (let i = 0; i < connections; i++) {
  const next = async () => {
    while (!isOver) await ask(session)
  }
  next()
}
setTimeout(() => {
  isOver = true
  const elapsedSeconds = (performance.now() - begun) / 1_000
  const sorted = Float64Array.from(times).sort()
  const result: LoadResult = {
    requests: times.length,
    requestsPerSecond: times.length / elapsedSeconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    failed,
  }
  console.log(JSON.stringify(result))
  process.exit()
}, seconds * 1_000)

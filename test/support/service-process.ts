import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { sayReady } from './say-ready.ts'

// A node as a separate process, on PORT or any free port. It answers with its name, after `?delayMs=`. The body of a
// POST is on disk before the answer is sent, so that a test can read what a killed node had received.
const [name = 'node', postedFile, host = '127.0.0.1'] = process.argv.slice(2)

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  if (request.method === 'POST' && postedFile !== undefined) appendFileSync(postedFile, `${body}\n`)
  const [, delayMs] = /delayMs=(\d+)/.exec(request.url!) ?? []
  if (delayMs !== undefined) await delay(Number(delayMs))
  response.setHeader('content-type', 'text/plain')
  response.end(name)
})
server.listen(Number(process.env.PORT ?? 0), host, () => {
  sayReady({ port: (server.address() as AddressInfo).port })
})

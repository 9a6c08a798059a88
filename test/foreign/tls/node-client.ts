/**
 * Makes requests over TLS with what Node has, and with grpc-js. Arguments: OPERATION, `https`, `http2`, `fetch` or
 * `grpc-js`, URL, CA, and the certificate and the key of the client, or two empty ones.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, constants } from 'node:http2'
import { Agent, request as httpsRequest } from 'node:https'
import { setDefaultCACertificates } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { createEchoClient } from '../../support/grpc-client.ts'

const [, , operation, kind, url = '', caFile = '', certFile = '', keyFile = ''] = process.argv
const ca = readFileSync(caFile)
const own = certFile === '' ? {} : { cert: readFileSync(certFile), key: readFileSync(keyFile) }
const EVENTS = 'data: 1\n\ndata: 2\n\ndata: 3\n\n'

/** Makes a request. @returns the body of the answer */
type Ask = (path: string, body?: string) => Promise<string>

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** `renew` closes the connections that there are. Sessions of TLS are kept. */
function speakHttps(): { ask: Ask; renew: () => void } {
  const agent = new Agent({ keepAlive: true, ca, ...own })
  return {
    async ask(path, body) {
      const request = httpsRequest(`${url}${path}`, {
        agent,
        method: body === undefined ? 'GET' : 'POST',
      }).end(body)
      const [response] = await once(request, 'response')
      assert.equal(response.statusCode, 200)
      return textOf(response)
    },
    renew: () => agent.destroy(),
  }
}

function speakHttp2(): { ask: Ask; renew: () => void } {
  const open = (session?: Buffer) => {
    const client = connect(url, { ca, ...own, ...(session && { session }) })
    client.once('connect', (_, socket) => socket.on('session', (next: Buffer) => (saved = next)))
    return client
  }
  let saved: Buffer | undefined
  let client = open()
  return {
    async ask(path, body) {
      const { HTTP2_HEADER_PATH, HTTP2_HEADER_METHOD } = constants
      const stream = client.request({
        [HTTP2_HEADER_PATH]: path,
        [HTTP2_HEADER_METHOD]: body === undefined ? 'GET' : 'POST',
      })
      const failed = once(client, 'error').then(([error]) => Promise.reject(error))
      const answered = once(stream.end(body), 'response')
      const [headers] = await Promise.race([answered, failed])
      failed.catch(() => {})
      assert.equal(headers[':status'], 200)
      return textOf(stream)
    },
    renew() {
      assert.ok(saved, 'there is a session')
      client.close()
      client = open(saved)
    },
  }
}

function speakFetch(): { ask: Ask; renew: () => void } {
  setDefaultCACertificates([ca.toString()])
  return {
    async ask(path, body) {
      const response = await fetch(url + path, body === undefined ? {} : { method: 'POST', body })
      assert.equal(response.status, 200)
      return response.text()
    },
    renew() {},
  }
}

async function runHttp({ ask, renew }: { ask: Ask; renew: () => void }): Promise<void> {
  if (operation === 'post') assert.equal(await ask('/echo/x', 'sent'), 'sent')
  else if (operation === 'events') assert.equal(await ask('/echo/events'), EVENTS)
  else assert.equal(await ask('/echo/x'), 'hello')
  if (operation === 'again') renew()
  if (operation === 'again' || operation === 'twice') assert.equal(await ask('/echo/x'), 'hello')
}

async function runGrpc(): Promise<void> {
  const trusted = credentials.createSsl(ca, own.key ?? null, own.cert ?? null)
  using client = createEchoClient(new URL(url).host, {}, trusted)
  const text = 'x'.repeat(operation === 'post' ? 100_000 : 5)
  const isStream = operation === 'events'
  for (let i = 0; i < (operation === 'twice' ? 2 : 1); i++) {
    const method = isStream ? 'ServerStream' : 'Unary'
    const result = await client.call(method, { text, count: isStream ? 3 : 0 }, { timeoutMs: 20_000 })
    assert.equal(result.status, 'OK', result.message)
    assert.deepEqual(
      result.replies.map(reply => [reply.index, reply.text.length]),
      (isStream ? [0, 1, 2] : [0]).map(index => [index, text.length]),
    )
  }
}

if (kind === 'grpc-js') await runGrpc()
else await runHttp(kind === 'https' ? speakHttps() : kind === 'http2' ? speakHttp2() : speakFetch())
process.exit()

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fetchJwks, MAX_JWKS_BYTES } from '../../../../cmd/gateway/auth/fetch-jwks.ts'
import { type Handler, startService } from '../../../support/service.ts'

async function fetchFrom(handler: Handler, timeoutMs?: number) {
  await using service = await startService('keys', handler)
  return await fetchJwks(`http://127.0.0.1:${service.port}/keys?v=1`, { timeoutMs })
}

test('the text of the answer is returned, fetched from exactly the given target', async () => {
  const text = await fetchFrom((request, response) => response.end(`{"keys":[], "target":"${request.url}"}`))
  assert.equal(text, '{"keys":[], "target":"/keys?v=1"}')
})

test('a redirect is not followed, wherever it leads', async () => {
  await using elsewhere = await startService('elsewhere')
  for (const status of [301, 302, 303, 307, 308]) {
    const redirect: Handler = (_, response) => {
      response.writeHead(status, { location: `http://127.0.0.1:${elsewhere.port}/` }).end()
    }
    await assert.rejects(fetchFrom(redirect), { message: `answered with status ${status}, not 200` })
  }
  assert.equal(elsewhere.count, 0)
})

test('any status other than 200 is a failure', async () => {
  for (const status of [204, 404, 500]) {
    const answer: Handler = (_, response) =>
      response.writeHead(status).end(status === 204 ? undefined : '{"keys":[]}')
    await assert.rejects(fetchFrom(answer), { message: `answered with status ${status}, not 200` })
  }
})

test('an answer that asks for another protocol is a failure, whatever the time', async () => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await assert.rejects(fetchJwks(`http://127.0.0.1:${port}/`), {
    message: 'answered with status 101, not 200',
  })
  server.close()
})

test('a huge answer is abandoned as soon as it is too large, and its connection is closed', async () => {
  let sent = 0
  let closed: Promise<unknown> | undefined
  const flood: Handler = (_, response) => {
    closed = once(response, 'close')
    const piece = Buffer.alloc(65_536, ' ')
    const more = () => {
      while (!response.destroyed && response.write(piece)) sent += piece.length
    }
    response.on('drain', more)
    more()
  }
  await using service = await startService('keys', flood)
  await assert.rejects(fetchJwks(`http://127.0.0.1:${service.port}/`), {
    message: `answered with more than ${MAX_JWKS_BYTES} bytes`,
  })
  await closed
  assert.ok(sent < 64 * MAX_JWKS_BYTES, `${sent} bytes`)
})

test('a slow answer is abandoned, before its head and in the middle of its body', async () => {
  await assert.rejects(
    fetchFrom(() => {}, 50),
    { message: 'no complete answer within 50 ms' },
  )
  const halfway: Handler = (_, response) => void response.writeHead(200).write('{"keys":')
  await assert.rejects(fetchFrom(halfway, 50))
})

test('an address where nothing listens is a failure', async () => {
  const gone = await startService('keys')
  await gone.close()
  await assert.rejects(fetchJwks(`http://127.0.0.1:${gone.port}/`), { code: 'ECONNREFUSED' })
})

test('an answer that breaks off is a failure', async () => {
  await assert.rejects(
    fetchFrom((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"keys":[]}')
      setImmediate(() => response.destroy())
    }),
  )
})

import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { after, test } from 'node:test'
import { exchangeRaw, openRaw } from '../support/raw-http.ts'
import { openRegistry } from '../support/registry.ts'
import { answerName, type Handler, startService } from '../support/service.ts'
import { startGateway } from '../support/waygate.ts'

/** Answers with the received method, target, framing and body. */
const describeRequest: Handler = async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  response.setHeader('content-type', 'application/json')
  response.end(
    JSON.stringify({
      method: request.method,
      target: request.url,
      type: request.headers['content-type'],
      length: request.headers['content-length'],
      encoding: request.headers['transfer-encoding'],
      body: body.toString('latin1'),
    }),
    'latin1',
  )
}

const gateway = await startGateway()
const node = await startService('node', describeRequest)
{
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await gateway.untilNodes('echo', ['n1'])
}
after(async () => {
  await gateway.stop()
  await node.close()
})

interface Answer {
  readonly status: number
  readonly head: string
  readonly body: string
}

async function send(lines: readonly string[], body = ''): Promise<Answer> {
  const request = `${lines.join('\r\n')}\r\nHost: x\r\nConnection: close\r\n\r\n${body}`
  const text = await exchangeRaw(gateway.port, Buffer.from(request, 'latin1'))
  const [head = '', rest = ''] = text.split(/\r\n\r\n(.*)/s)
  return { status: Number(head.split(' ')[1]), head, body: rest }
}

/** Runs `ask` while the node answers with this handler. */
async function answeredBy(handler: Handler, ask: () => Promise<void>): Promise<void> {
  node.handler = handler
  try {
    await ask()
  } finally {
    node.handler = describeRequest
  }
}

for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT', 'QUERY']) {
  test(`${method} reaches the node as ${method}, with a body and without`, async () => {
    const without = JSON.parse((await send([`${method} /echo/x HTTP/1.1`])).body)
    assert.deepEqual([without.method, without.target, without.body], [method, '/x', ''])
    const given = JSON.parse((await send([`${method} /echo/x HTTP/1.1`, 'Content-Length: 5'], 'hello')).body)
    assert.deepEqual([given.method, given.length, given.body], [method, '5', 'hello'])
  })
}

test('an empty body with Content-Length: 0 is passed on as such', async () => {
  const { status, body } = await send(['POST /echo/x HTTP/1.1', 'Content-Length: 0'])
  assert.equal(status, 200)
  const seen = JSON.parse(body)
  assert.deepEqual([seen.method, seen.length, seen.body], ['POST', '0', ''])
})

test('a chunked body arrives complete', async () => {
  const chunked = '5\r\nhello\r\n1\r\n,\r\n6;ext=1\r\n world\r\n0\r\n\r\n'
  const { body } = await send(['POST /echo/x HTTP/1.1', 'Transfer-Encoding: chunked'], chunked)
  const seen = JSON.parse(body)
  assert.deepEqual([seen.encoding, seen.length, seen.body], ['chunked', undefined, 'hello, world'])
})

test('a client that expects 100-continue gets it', async () => {
  using connection = await openRaw(gateway.port)
  connection.write('PUT /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  await connection.receives(text => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
  connection.write('hello')
  const text = await connection.receives(received => received.includes('"body"') && received.endsWith('}'))
  assert.match(text, /HTTP\/1\.1 200 OK/)
  assert.match(text, /"body":"hello"/)
})

const BYTES = '{"not": json, \x00\xff\xfe\r\n'
for (const type of [
  'application/json',
  'application/json; charset=nonsense',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'nonsense',
  'a/b; c="d',
  undefined,
]) {
  test(`a body of type ${type ?? 'none at all'} passes byte for byte`, async () => {
    const lines = type === undefined ? [] : [`Content-Type: ${type}`]
    const { status, body } = await send(
      ['POST /echo/x HTTP/1.1', `Content-Length: ${BYTES.length}`, ...lines],
      BYTES,
    )
    assert.equal(status, 200)
    const seen = JSON.parse(body)
    assert.equal(seen.body, BYTES)
    assert.equal(seen.type, type)
  })
}

for (const target of [
  '/x?',
  '/x??a=?b',
  '/x?a=%20+%2B&a=2&&=&b',
  '/x?q=%zz&%',
  "/x?p=../../etc&q=//x/./y'[]{}|^`",
  '/x?a=%2e%2e%2f&utf=%E4%BD%A0&raw=~!@$()*,;:',
  '/x?url=http://other/%00',
  '/a%20b/c+d/~e;f=g',
]) {
  test(`the target ${target} arrives byte for byte`, async () => {
    const { status, body } = await send([`GET /echo${target} HTTP/1.1`])
    assert.equal(status, 200, body)
    assert.equal(JSON.parse(body).target, target)
  })
}

test('204 and 304 have no body, and the connection stays usable', async () => {
  for (const status of [204, 304]) {
    await answeredBy(
      (request, response) => {
        request.resume()
        response.writeHead(status, status === 304 ? { etag: '"v1"' } : {})
        response.end()
      },
      async () => {
        using connection = await openRaw(gateway.port)
        const two = 'GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2)
        connection.write(two)
        const text = await connection.receives(received => received.split('\r\n\r\n').length === 3)
        assert.equal(text.split(`HTTP/1.1 ${status} `).length, 3)
        assert.doesNotMatch(text, /transfer-encoding/i)
        if (status === 304) assert.match(text, /etag: "v1"/i)
      },
    )
  }
})

test('HEAD returns the Content-Length that GET would, and no body', async () => {
  await answeredBy(
    (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-length': '1234567', etag: '"v1"' })
      response.end()
    },
    async () => {
      const { status, head, body } = await send(['HEAD /echo/x HTTP/1.1'])
      assert.deepEqual([status, body], [200, ''])
      assert.match(head, /content-length: 1234567/i)
      assert.match(head, /etag: "v1"/i)
    },
  )
})

test('an event stream arrives event by event', async () => {
  let next = (_event: string) => {}
  let end = () => {}
  await answeredBy(
    (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      next = event => void response.write(`data: ${event}\n\n`)
      end = () => void response.end()
    },
    async () => {
      using connection = await openRaw(gateway.port)
      connection.write('GET /echo/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      await connection.receives(text => text.includes('\r\n\r\n'))
      for (const event of ['one', 'two', 'three']) {
        // Sent only when the previous event has arrived, so nothing in between may wait for more data.
        next(event)
        await connection.receives(text => text.includes(`data: ${event}\n\n`))
      }
      end()
      assert.match(await connection.ended, /0\r\n\r\n$/)
    },
  )
})

test('all Set-Cookie lines are kept, in order', async () => {
  const cookies = ['a=1; Path=/', 'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'a=3']
  await answeredBy(
    (request, response) => {
      request.resume()
      response.setHeader('set-cookie', cookies)
      response.end('x')
    },
    async () => {
      const response = await fetch(`${gateway.url}/echo/x`)
      assert.equal(await response.text(), 'x')
      assert.deepEqual(response.headers.getSetCookie(), cookies)
    },
  )
})

test('status, reason phrase, type and unusual bytes of an answer are passed on unchanged', async () => {
  await answeredBy(
    (request, response) => {
      request.resume()
      response.writeHead(418, [
        'Content-Type',
        'x/y; z',
        'X-Latin',
        'caf\xe9',
        'X-Twice',
        '1',
        'X-Twice',
        '2',
      ])
      response.end('short and stout')
    },
    async () => {
      const { status, head, body } = await send(['GET /echo/x HTTP/1.1'])
      assert.equal(status, 418)
      assert.match(head, /Content-Type: x\/y; z\r\nX-Latin: caf\xe9\r\nX-Twice: 1\r\nX-Twice: 2/)
      assert.match(body, /short and stout/)
    },
  )
})

test('ten requests on one connection at once are answered in order', async () => {
  using connection = await openRaw(gateway.port)
  const requests = Array.from({ length: 10 }, (_, i) => `GET /echo/${i} HTTP/1.1\r\nHost: x\r\n\r\n`)
  connection.write(requests.join(''))
  const text = await connection.receives(received => (received.match(/"target":"\/\d"/g) ?? []).length === 10)
  const targets = [...text.matchAll(/"target":"\/(\d)"/g)].map(match => match[1])
  assert.equal(targets.join(''), '0123456789')
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 10)
})

test('an answer that breaks off is cut off, and never passed on as complete', async () => {
  for (const framing of [{ 'content-length': '100' }, {}]) {
    await answeredBy(
      (request, response) => {
        request.resume()
        response.writeHead(200, framing)
        response.write('the beginning', () => response.socket?.destroy())
      },
      async () => {
        const { body } = await send(['GET /echo/x HTTP/1.1'])
        assert.match(body, /the beginning/)
        assert.doesNotMatch(body, /0\r\n\r\n$/)
        await assert.rejects(fetch(`${gateway.url}/echo/x`).then(response => response.text()))
      },
    )
  }
})

test('when a client leaves in the middle of an answer, the request at the node ends', async () => {
  const ended = Promise.withResolvers<void>()
  await answeredBy(
    (request, response) => {
      request.resume()
      response.writeHead(200)
      response.write('the beginning')
      response.once('close', () => ended.resolve())
    },
    async () => {
      const connection = await openRaw(gateway.port)
      connection.write('GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n')
      await connection.receives(text => text.includes('the beginning'))
      connection[Symbol.dispose]()
      await ended.promise
    },
  )
})

test('an answer that comes before the end of the request body is passed on, and the connection stays usable', async () => {
  await answeredBy(
    (_request, response) => {
      response.writeHead(413, { 'content-length': '3' })
      response.end('no!')
    },
    async () => {
      const status = await new Promise<number>((resolve, reject) => {
        const request = httpRequest(`${gateway.url}/echo/x`, { method: 'POST' }, response => {
          response.resume()
          response.on('end', () => {
            request.end('more')
            resolve(response.statusCode!)
          })
        })
        request.on('error', reject)
        request.write('some')
      })
      assert.equal(status, 413)
    },
  )
  node.handler = answerName('node')
  assert.equal(await (await fetch(`${gateway.url}/echo/x`)).text(), 'node')
  node.handler = describeRequest
})

test('after all of this the process is healthy and has nothing in flight', async () => {
  const [known] = await gateway.nodes('echo')
  assert.equal(known!.inFlight, 0)
  assert.deepEqual(
    gateway.log().filter(({ level }) => level >= 50),
    [],
  )
  assert.equal(gateway.stderr(), '')
})

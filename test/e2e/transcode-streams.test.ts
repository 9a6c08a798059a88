import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { suite, type TestContext, test } from 'node:test'
import { type ServerWritableStream, status } from '@grpc/grpc-js'
import { askHttp2, openHttp2 } from '../support/http2-client.ts'
import {
  type JsonGateway,
  putDescriptors,
  startJsonGateway,
  untilSchemaKnown,
} from '../support/json-gateway.ts'
import { until, untilSteady } from '../support/until.ts'

async function start(t: TestContext, document: object = {}): Promise<JsonGateway> {
  const gateway = await startJsonGateway(t, { node: { reflection: false }, document })
  putDescriptors(gateway, 'task')
  await untilSchemaKnown(gateway)
  return gateway
}

interface Cut {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
  /** Whether the answer ended as HTTP wants it. */
  readonly isWhole: boolean
}

/** Reads an answer that may break off; `onFirst` is called with its first bytes. */
function read(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  onFirst: () => void = () => {},
): Promise<Cut> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', path, headers })
    request.on('error', reject)
    request.on('response', response => {
      let text = ''
      response.setEncoding('utf8').once('data', onFirst)
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', () => {})
      response.on('close', () => {
        resolve({ status: response.statusCode!, headers: response.headers, text, isWhole: response.complete })
      })
    })
    request.end()
  })
}

function fail(stream: ServerWritableStream<unknown, unknown>, code: number, details: string): void {
  stream.emit('error', { code, details })
}

suite('the answer of a method that streams', () => {
  test('is one JSON text a line', async t => {
    const { node, port } = await start(t)
    node.watched = [{ id: '1' }, { title: 'two\nlines' }, {}]
    const { text, headers, isWhole } = await read(port, '/task/v1/tasks:watch')
    assert.equal(headers['content-type'], 'application/x-ndjson')
    assert.equal(text, '{"id":"1"}\n{"title":"two\\nlines"}\n{}\n')
    assert.ok(isWhole)
    node.watched = []
    const empty = await read(port, '/task/v1/tasks:watch')
    assert.equal(empty.text, '')
    assert.equal(empty.status, 200)
    assert.equal(empty.headers['content-type'], 'application/x-ndjson')
  })

  test('is one JSON array if the configuration says so, which is never closed when the call fails', async t => {
    const { ask, node, port } = await start(t, { grpc: { json: { stream: 'array' } } })
    node.watched = [{ id: '1' }, { title: 'two\nlines' }, {}]
    const whole = await read(port, '/task/v1/tasks:watch')
    assert.deepEqual([whole.status, whole.headers['content-type']], [200, 'application/json'])
    assert.equal(whole.text, '[{"id":"1"},\n{"title":"two\\nlines"},\n{}]')
    assert.ok(whole.isWhole)
    // Clients can ask for another format.
    const events = await read(port, '/task/v1/tasks:watch', { accept: 'text/event-stream' })
    assert.match(events.text, /^data: \{"id":"1"\}\n\n/)
    node.watched = []
    assert.equal((await read(port, '/task/v1/tasks:watch')).text, '[]')
    // A call that fails at once is a plain problem.
    node.onWatch = stream => fail(stream, status.PERMISSION_DENIED, 'not yours')
    assert.equal((await ask('GET', '/task/v1/tasks:watch')).json.code, 'PERMISSION_DENIED')
    node.watched = [{ id: '1' }]
    const cut = await read(port, '/task/v1/tasks:watch')
    assert.deepEqual([cut.status, cut.text, cut.isWhole], [200, '[{"id":"1"}', false])
  })

  test('is a plain problem when it fails before its first message', async t => {
    const { ask, node } = await start(t)
    node.onWatch = stream => fail(stream, status.PERMISSION_DENIED, 'not yours')
    const answer = await ask('GET', '/task/v1/tasks:watch')
    assert.equal(answer.status, 403)
    assert.equal(answer.json.code, 'PERMISSION_DENIED')
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  })

  test('says why it failed in its last line, and breaks off', async t => {
    const { node, port } = await start(t)
    node.watched = [{ id: '1' }]
    node.onWatch = stream => fail(stream, status.RESOURCE_EXHAUSTED, 'enough')
    const { text, isWhole, status: httpStatus } = await read(port, '/task/v1/tasks:watch')
    assert.equal(httpStatus, 200)
    const [first, last, ...rest] = text.split('\n')
    assert.equal(first, '{"id":"1"}')
    const { '@error': problem } = JSON.parse(last!)
    assert.equal(problem.code, 'RESOURCE_EXHAUSTED')
    assert.equal(problem.detail, 'enough')
    assert.deepEqual(rest, [''])
    assert.equal(isWhole, false)
  })

  test('says so when the node is gone', async t => {
    const { node, port } = await start(t)
    node.watched = [{ id: '1' }]
    node.onWatch = () => {}
    const { text, isWhole } = await read(port, '/task/v1/tasks:watch', {}, () => {
      void node[Symbol.asyncDispose]()
    })
    assert.equal(JSON.parse(text.split('\n')[1]!)['@error'].code, 'UNAVAILABLE')
    assert.equal(isWhole, false)
  })

  test('says so when the gateway stops', async t => {
    const { node, port, gateway } = await start(t)
    node.watched = [{ id: '1' }]
    let open = 0
    node.onWatch = () => open++
    const plain = read(port, '/task/v1/tasks:watch')
    const events = read(port, '/task/v1/tasks:watch', { accept: 'text/event-stream' })
    const session = openHttp2(t, port)
    const http2 = askHttp2(session, { ':path': '/task/v1/tasks:watch' })
    await until('the streams are open', () => open === 3)
    await gateway.stop()
    for (const { text, isWhole } of [await plain, { ...(await http2), isWhole: (await http2).code === 0 }]) {
      const problem = JSON.parse(text.split('\n')[1]!)['@error']
      assert.deepEqual([problem.code, problem.detail], ['UNAVAILABLE', 'the gateway is shutting down'])
      assert.equal(isWhole, false)
    }
    const { text, isWhole } = await events
    assert.match(text, /\n\nevent: error\ndata: \{.*"code":"UNAVAILABLE".*\}\n\n$/)
    assert.ok(isWhole)
  })

  test('is server-sent events for clients that accept those, and ends with an event when it fails', async t => {
    const { node, port } = await start(t)
    node.watched = [{ id: '1' }, { id: '2' }]
    const headers = { accept: 'text/event-stream' }
    const answer = await read(port, '/task/v1/tasks:watch', headers)
    assert.equal(answer.headers['content-type'], 'text/event-stream')
    assert.equal(answer.text, 'data: {"id":"1"}\n\ndata: {"id":"2"}\n\n')
    node.onWatch = stream => fail(stream, status.ABORTED, 'again')
    const failed = await read(port, '/task/v1/tasks:watch', headers)
    assert.match(failed.text, /\n\nevent: error\ndata: \{.*"code":"ABORTED".*\}\n\n$/)
    assert.ok(failed.isWhole)
  })

  test('comes as it is sent, and no faster than the client takes it', async t => {
    const { node, port } = await start(t)
    const title = 'x'.repeat(10_000)
    let sent = 0
    let isPaused = false
    node.watched = []
    node.onWatch = stream => {
      const go = (): void => {
        while (sent < 5_000) {
          sent++
          if (!stream.write({ title })) {
            isPaused = true
            stream.once('drain', go)
            return
          }
        }
        stream.end()
      }
      go()
    }
    const request = httpRequest({ port, host: '127.0.0.1', path: '/task/v1/tasks:watch' })
    const response = await new Promise<import('node:http').IncomingMessage>(resolve => {
      request.on('response', resolve).end()
    })
    response.pause()
    await until('the node is paused', () => isPaused)
    await untilSteady(() => sent)
    assert.ok(sent < 4_000, `the node has sent ${sent} messages`)
    let bytes = 0
    for await (const chunk of response) bytes += chunk.length
    assert.equal(bytes, 5_000 * JSON.stringify({ title }).length + 5_000)
  })

  test('ends the call when the client leaves', async t => {
    const { node, port } = await start(t)
    let isCancelled = false
    node.watched = [{ id: '1' }]
    node.onWatch = stream =>
      stream.on('cancelled', () => {
        isCancelled = true
      })
    const request = httpRequest({ port, host: '127.0.0.1', path: '/task/v1/tasks:watch' })
    request.on('error', () => {})
    request.on('response', response => response.once('data', () => request.destroy()))
    request.end()
    await until('the call is cancelled', () => isCancelled)
  })
})

suite('the request of a method that takes a stream', () => {
  const headers = { 'content-type': 'application/x-ndjson' }

  test('is one JSON text a line', async t => {
    const { ask, node } = await start(t)
    const lines = '\n{"title":"a"}\n\r\n \t \r\n{"title":"b"}\n{"id":3}\n  '
    const { json } = await ask('POST', '/task/ImportTasks', lines, headers)
    assert.deepEqual(json, { tasks: [{ title: 'a' }, { title: 'b' }, { id: '3' }] })
    const none = await ask('POST', '/task/ImportTasks', '', headers)
    assert.deepEqual(none.json, {})
    const refused = await ask('POST', '/task/ImportTasks', '{"title":"a"}\n{"titel":"b"}\n', headers)
    assert.equal(refused.status, 400)
    assert.equal(refused.json.detail, 'titel: no such field')
    const type = await ask('POST', '/task/CreateTask', '{}\n', headers)
    assert.equal(type.status, 415)
    assert.ok(node.calls.length >= 2)
  })

  test('becomes messages as it comes, while answers come back', async t => {
    const { port } = await start(t)
    const request = httpRequest({ port, host: '127.0.0.1', path: '/task/Chat', method: 'POST', headers })
    let text = ''
    const answered = new Promise<void>(resolve => {
      request.on('response', response => {
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', resolve)
      })
    })
    request.write('{"title":"a"}\n{"ti')
    await until('the first answer', () => text === '{"title":"a","owner":"node"}\n')
    request.write('tle":"b"}\n')
    await until('the second answer', () => text.endsWith('{"title":"b","owner":"node"}\n'))
    request.end()
    await answered
    assert.equal(text, '{"title":"a","owner":"node"}\n{"title":"b","owner":"node"}\n')
  })

  test('is refused as any other body, although its node has begun to answer', async t => {
    const { port, node } = await start(t)
    const bad = [
      { line: '{"titel":"b"}\n', status: 400, code: 'WG_BAD_REQUEST' },
      { line: 'x'.repeat(5_000_000), status: 413, code: 'WG_BODY_TOO_LARGE' },
    ]
    for (const { line, status, code } of bad) {
      for (const method of ['ImportTasks', 'Chat']) {
        const before = node.calls.length
        const request = httpRequest({
          port,
          host: '127.0.0.1',
          path: `/task/${method}`,
          method: 'POST',
          headers,
        })
        const answered = once(request, 'response')
        request.on('error', () => {})
        request.write('\n')
        await until('the node has the call', () => node.calls.length > before)
        request.end(line)
        const [response] = (await answered) as [IncomingMessage]
        let text = ''
        for await (const chunk of response.setEncoding('utf8')) text += chunk
        assert.deepEqual([response.statusCode, JSON.parse(text).code], [status, code], method)
      }
    }
  })
})

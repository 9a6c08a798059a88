import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import protobuf from 'protobufjs'
import { JSON_CALLS } from '../../../discovery/embedded-etcd/json-calls.ts'
import { parseRequest } from '../../../discovery/embedded-etcd/json-documents.ts'
import { SHAPES } from '../../../discovery/embedded-etcd/json-shapes.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { leastCpuMs } from '../../support/least-cpu.ts'
import { b } from './conversation.ts'
import { RawClient } from './raw-client.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const a = base64('a')
const all = { key: base64('\0'), range_end: base64('\0') }

async function post(url: string, path: string, body: unknown = {}, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/v3/${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { connection: 'close', ...headers },
  })
  const text = await response.text()
  return { status: response.status, type: response.headers.get('content-type'), text }
}

async function startEmbedded(t: TestContext, options: object = {}) {
  const etcd = await startEmbeddedEtcd({ port: 0, ...options })
  t.after(() => etcd.close())
  return etcd
}

/** Calls whose answers are the same on any etcd that has just been started, one after the other. */
const CALLS: readonly (readonly [path: string, body?: unknown])[] = [
  ['auth/authenticate', { name: 'root', password: 'x' }],
  ['kv/put', { key: a, value: base64('1') }],
  ['kv/put', { key: a, value: base64('2'), prev_kv: true }],
  ['kv/put', { key: base64('b'), value: base64('3'), prevKv: true, lease: null }],
  ['kv/put', { key: base64('empty') }],
  ['kv/put', { key: a, value: base64('x'), ignore_value: true }],
  ['kv/put', { key: a, lease: '4711' }],
  ['kv/put', { key: '' }],
  ['kv/put', { key: 'YQ' }],
  ['kv/put', { key: 'Y!==' }],
  ['kv/put', { key: 7 }],
  ['kv/put', { key: a, prev_kv: 1 }],
  ['kv/put', { key: a, unknown: { field: 1 } }],
  ['kv/put', { key: a, value: Buffer.alloc(1_600_000).toString('base64') }],
  ['kv/range', { key: a }],
  ['kv/range', { ...all, limit: 1 }],
  ['kv/range', { ...all, limit: '2', sort_order: 'DESCEND', sort_target: 'KEY' }],
  ['kv/range', { ...all, sortOrder: 2, sortTarget: 'MOD', keysOnly: true }],
  ['kv/range', { ...all, count_only: true, serializable: true }],
  ['kv/range', { ...all, min_mod_revision: '4' }],
  ['kv/range', { key: a, revision: '2' }],
  ['kv/range', { key: a, revision: 1_000 }],
  ['kv/range', { key: a, sort_order: 'DOWN' }],
  ['kv/range', { key: a, limit: 'many' }],
  ['kv/range', ''],
  ['kv/range', '{'],
  ['kv/range', '[]'],
  ['kv/range', 'key'],
  [
    'kv/txn',
    {
      compare: [{ key: a, result: 'GREATER', target: 'VERSION', version: '1' }],
      success: [
        { request_put: { key: base64('c'), value: base64('4') } },
        { requestRange: { key: a } },
        { request_delete_range: { key: base64('b'), prev_kv: true } },
        { request_txn: { success: [{ request_range: { key: base64('c') } }] } },
      ],
    },
  ],
  [
    'kv/txn',
    {
      compare: [{ key: a, target: 'VALUE', value: base64('other') }],
      failure: [{ request_range: { key: base64('none') } }],
    },
  ],
  ['kv/txn', { compare: [{ key: a, target: 'LEASE', lease: 0 }] }],
  ['kv/txn', { compare: [{ key: a, target: 'CREATE', createRevision: 2 }] }],
  ['kv/txn', { compare: [{ key: a, target: 'MOD', mod_revision: 2, result: 'NOT_EQUAL' }] }],
  ['kv/txn', { success: [{ request_put: { key: a } }, { request_put: { key: a } }] }],
  ['kv/txn', { success: [{}] }],
  ['kv/txn', { success: { request_put: { key: a } } }],
  ['lease/grant', { TTL: 600, ID: '7587823380406781187' }],
  ['lease/grant', '{"TTL": "600", "ID": 7587823380406781189}'],
  ['lease/grant', { TTL: 600, ID: '7587823380406781187' }],
  ['lease/grant', { TTL: '10000000000' }],
  ['lease/grant', { TTL: 1e30 }],
  ['kv/put', { key: base64('leased'), value: a, lease: '7587823380406781187' }],
  ['lease/keepalive', { ID: '7587823380406781187' }],
  ['lease/keepalive', '{"ID": "7587823380406781187"}{"ID": 5}\n{"ID": "7587823380406781189"}'],
  ['lease/keepalive', ''],
  ['lease/timetolive', { ID: '5', keys: true }],
  ['lease/leases'],
  ['kv/lease/leases'],
  ['kv/lease/revoke', { ID: '7587823380406781187' }],
  ['lease/revoke', { ID: '7587823380406781187' }],
  ['kv/range', { key: base64('leased') }],
  ['kv/deleterange', { ...all, prev_kv: true }],
  ['kv/deleterange', { key: a }],
  ['kv/compaction', { revision: '3' }],
  ['kv/compaction', { revision: '3' }],
  ['kv/range', { key: a, revision: '2' }],
]

/** Makes an answer comparable: who answers differs, and errors about JSON have texts of their own. */
function comparable({ status, type, text }: Awaited<ReturnType<typeof post>>): unknown {
  const lines = text.split('\n').filter(line => line !== '')
  const messages = lines.map(line => hideIds(JSON.parse(line)))
  const [{ message = '', code }] = [messages[0] ?? {}] as [{ message?: string; code?: number }]
  if (code !== undefined && !message.startsWith('etcdserver:')) return { status, type, code }
  return { status, type, messages }
}

function hideIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hideIds)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      /^(?:cluster_id|member_id|raft_term)$/.test(name) && /^\d+$/.test(field) ? 'id' : hideIds(field),
    ]),
  )
}

test('every call is answered in JSON as a real etcd answers it', async t => {
  if (!requireEtcd(t)) return
  await using real = await startEtcd()
  const embedded = await startEmbedded(t)
  for (const [path, body] of CALLS) {
    const wanted = comparable(await post(real.url, path, body))
    const what = `${path} ${JSON.stringify(body ?? {}).slice(0, 200)}`
    assert.deepEqual(comparable(await post(embedded.url, path, body)), wanted, what)
  }
  assert.ok(new Set(CALLS.map(([path]) => path)).size >= 12)

  // What differs between any two etcds are the values of these.
  for (const path of ['maintenance/status', 'cluster/member/list', 'lease/timetolive']) {
    const namesOf = async (url: string) => {
      const { status, text } = await post(url, path, { ID: '7587823380406781189', keys: true })
      return { status, names: namesIn(JSON.parse(text)) }
    }
    const theirs = await namesOf(real.url)
    const ours = await namesOf(embedded.url)
    // Nobody elects a member of one, so the list of members has no URL of peers.
    const names = theirs.names.filter(name => name !== 'members.0.peerURLs.0')
    assert.deepEqual(
      { ...ours, names: ours.names.filter(name => names.includes(name)) },
      { ...theirs, names },
      path,
    )
  }
})

function namesIn(value: object): string[] {
  return Object.entries(value)
    .flatMap(([name, field]) =>
      typeof field === 'object' ? namesIn(field).map(inner => `${name}.${inner}`) : [name],
    )
    .sort()
}

/** Opens a watch, and returns how to read its next line. The test ends it. */
async function openWatch(t: TestContext, url: string, create: object) {
  const ending = new AbortController()
  t.after(() => ending.abort())
  const response = await fetch(`${url}/v3/watch`, {
    method: 'POST',
    body: JSON.stringify({ create_request: create }),
    signal: ending.signal,
  })
  const pieces = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    response,
    end: () => ending.abort(),
    async next(): Promise<unknown> {
      while (!text.includes('\n')) {
        const { value, done } = await pieces.read()
        if (done) return undefined
        text += value
      }
      const at = text.indexOf('\n')
      const line = text.slice(0, at)
      text = text.slice(at + 1)
      return hideIds(JSON.parse(line))
    },
  }
}

test('a watch tells past and new events, a line for each message, as a real etcd does', async t => {
  if (!requireEtcd(t)) return
  await using real = await startEtcd()
  const embedded = await startEmbedded(t)
  const seen: unknown[] = []
  for (const { url } of [real, embedded]) {
    await post(url, 'kv/put', { key: a, value: base64('past') })
    const watch = await openWatch(t, url, { key: a, start_revision: '2', prev_kv: true })
    const lines = [await watch.next(), await watch.next()]
    await post(url, 'kv/put', { key: a, value: base64('new') })
    lines.push(await watch.next())
    await post(url, 'kv/deleterange', { key: a })
    lines.push(await watch.next())
    const deletes = await openWatch(t, url, { key: a, start_revision: '2', filters: ['NOPUT'] })
    lines.push(await deletes.next(), await deletes.next())
    await post(url, 'kv/compaction', { revision: '4' })
    const late = await openWatch(t, url, { key: a, start_revision: '2' })
    lines.push(await late.next(), await late.next())
    seen.push({ type: watch.response.headers.get('content-type'), lines })
  }
  assert.deepEqual(seen[1], seen[0])
  assert.match(JSON.stringify(seen[1]), /"type":"DELETE"/)
})

test('clients of gRPC and of JSON see the same store on one port', async t => {
  const { url } = await startEmbedded(t)
  using grpc = new RawClient(url)
  using watch = grpc.watch()
  watch.send({ create_request: { key: b('a') } })
  await watch.next()
  await post(url, 'kv/put', { key: a, value: base64('of JSON') })
  assert.equal((await watch.events(1))[0].kv.value.toString(), 'of JSON')

  const json = await openWatch(t, url, { key: a })
  await json.next()
  await grpc.call('KV', 'Put', { key: b('a'), value: b('of gRPC') })
  assert.match(JSON.stringify(await json.next()), new RegExp(base64('of gRPC')))
})

test('health and version are answered to probes', async t => {
  const { url } = await startEmbedded(t)
  assert.deepEqual(await (await fetch(`${url}/health`)).json(), { health: 'true', reason: '' })
  assert.deepEqual(await (await fetch(`${url}/version?x=1`)).json(), {
    etcdserver: '3.4.0+waygate',
    etcdcluster: '3.4.0',
  })
})

test('each document of a stream is acted on when it has come, whatever the pieces', async t => {
  const { address, url } = await startEmbedded(t)
  await post(url, 'lease/grant', { TTL: 600, ID: 5 })
  const socket = connect(address.port, '127.0.0.1')
  t.after(() => socket.destroy())
  let answer = ''
  socket.setEncoding('utf8').on('data', text => {
    answer += text
  })
  const sendPiece = (text: string) => socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
  socket.write('POST /v3/lease/keepalive HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n')
  const untilAnswers = async (count: number) => {
    while ((answer.match(/"ID":"5","TTL":"600"/g) ?? []).length < count) await once(socket, 'data')
  }
  for (const character of '{"ID":"5", "x":"\\"}{é"}') sendPiece(character)
  await untilAnswers(1)
  sendPiece('{"ID":"5"}\n{"ID":')
  await untilAnswers(2)
  sendPiece('5}')
  await untilAnswers(3)
})

test('a stream that fails in the middle says so in its last line', async t => {
  const { url } = await startEmbedded(t)
  await post(url, 'lease/grant', { TTL: 600, ID: 5 })
  const { status, text } = await post(url, 'lease/keepalive', '{"ID":"5"}{"ID":"five"}')
  assert.equal(status, 200)
  assert.deepEqual(JSON.parse(text.trim().split('\n').at(-1)!), {
    error: {
      grpc_code: 3,
      http_code: 400,
      message: 'ID must be an integer of 64 bits',
      http_status: 'Bad Request',
    },
  })
})

test('closing ends streams with the reason', async t => {
  const etcd = await startEmbedded(t)
  const watch = await openWatch(t, etcd.url, { key: a })
  await watch.next()
  const idle = connect(etcd.address.port, '127.0.0.1')
  await once(idle, 'connect')
  const [last] = await Promise.all([watch.next(), etcd.close(), once(idle.resume(), 'close')])
  assert.match(JSON.stringify(last), /etcdserver: server stopped/)
  assert.equal(await watch.next(), undefined)
})

test('a client that goes away in the middle of a watch does not disturb the others', async t => {
  const { url } = await startEmbedded(t)
  for (let n = 0; n < 10; n++) {
    const watch = await openWatch(t, url, all)
    await watch.next()
    watch.end()
    await post(url, 'kv/put', { key: a, value: Buffer.alloc(10_000).toString('base64') })
  }
  const { kvs } = JSON.parse((await post(url, 'kv/range', { key: a })).text)
  assert.equal(kvs[0].version, '10')
})

test('what a web page of somebody else may have sent is refused and changes nothing', async t => {
  const { url, address } = await startEmbedded(t)
  const put = { key: a, value: a }
  for (const headers of [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${address.port + 1}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ] as Record<string, string>[]) {
    const { status, text } = await post(url, 'kv/put', put, headers)
    assert.equal(status, 403, JSON.stringify(headers))
    assert.match(JSON.parse(text).message, /requests of web pages are refused/)
  }
  const rebound = await rawRequest(
    address.port,
    'POST /v3/kv/put HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 2\r\n\r\n{}',
  )
  assert.match(rebound, /^HTTP\/1.1 403 .*known by the name in Host/s)
  assert.equal(JSON.parse((await post(url, 'kv/range', { ...all, count_only: true })).text).count, undefined)
  for (const host of ['localhost', `127.0.0.1:${address.port}`, '[::1]:2379']) {
    assert.match(
      await rawRequest(address.port, `GET /health HTTP/1.1\r\nhost: ${host}\r\n\r\n`),
      /^HTTP\/1.1 200/,
    )
  }
})

/** Sends a text, and resolves with what has come once an answer is complete. */
async function rawRequest(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let answer = ''
  socket.on('data', piece => {
    answer += piece
  })
  socket.write(text)
  while (!/\}$/.test(answer)) await once(socket, 'data')
  socket.destroy()
  return answer
}

test('a body that is too large is refused, and the store goes on', async t => {
  const { url } = await startEmbedded(t)
  const large = ' '.repeat(9 << 20)
  for (const path of ['kv/put', 'watch']) {
    const { status, text } = await post(url, path, `{"key":"YQ==","x":"${large}"}`)
    assert.equal(status, 429, path)
    assert.match(JSON.parse(text).message, /larger than 8 MiB/)
  }
  const deep = `${'{"success":[{"request_txn":'.repeat(100_000)}{}${'}]}'.repeat(100_000)}`
  const { status } = await post(url, 'kv/txn', deep)
  assert.ok(status >= 400)
  assert.equal((await post(url, 'kv/put', { key: a })).status, 200)
})

test('what is nested too deep is refused before it is read, and so is what begins with no brace', async t => {
  const { url } = await startEmbedded(t)
  const { status, text } = await post(url, 'kv/txn', '['.repeat(4_000_000))
  assert.deepEqual([status, JSON.parse(text).message], [400, 'the body is nested more than 100 levels deep'])
  for (const body of ['}', ' ] {"ID":"1"}', '{"ID":"1"}}']) {
    const { text: answer } = await post(url, 'lease/keepalive', body)
    assert.match(answer, /must be JSON objects, one after the other/, body)
  }
})

test('whole numbers are read exactly, in the time that plain JSON takes', () => {
  assert.deepEqual(
    parseRequest(
      '{"ID":9223372036854775807,"a":[-9007199254740993, 7,1.5,1e3],"b":"\\"9223372036854775807 \\\\"}',
    ),
    { ID: '9223372036854775807', a: ['-9007199254740993', 7, 1.5, 1_000], b: '"9223372036854775807 \\' },
  )
  const many = `{"compare":[${'0,'.repeat(500_000)}0]}`
  const [plain, exact] = [() => JSON.parse(many), () => parseRequest(many)].map(work => leastCpuMs(work))
  assert.ok(exact! < 25 * plain!, `${exact} ms, where plain JSON takes ${plain} ms`)
})

test('other paths and methods are refused with what to do', async t => {
  const { url } = await startEmbedded(t)
  assert.equal((await post(url, 'kv/nothing')).status, 404)
  const get = await fetch(`${url}/v3/kv/range`)
  assert.equal(get.status, 405)
  assert.equal(get.headers.get('allow'), 'POST')
})

test('the shapes of requests have all fields of the protocol', () => {
  const etcd3 = dirname(createRequire(import.meta.url).resolve('etcd3/package.json'))
  const root = new protobuf.Root().loadSync(join(etcd3, 'proto/rpc.proto'), { keepCase: true }).resolveAll()
  /** Makes a message in JSON in which every field is set. */
  const full = (type: protobuf.Type, depth = 0): Record<string, unknown> =>
    Object.fromEntries(
      type.fieldsArray
        .filter(({ resolvedType }) => depth < 4 || !(resolvedType instanceof protobuf.Type))
        .map(field => {
          const { resolvedType, repeated, name } = field
          const value =
            resolvedType instanceof protobuf.Type
              ? full(resolvedType, depth + 1)
              : resolvedType instanceof protobuf.Enum
                ? 1
                : (({ bytes: a, bool: true, string: 'x' } as Record<string, unknown>)[field.type] ?? '7')
          return [name, repeated ? [value] : value]
        }),
    )
  for (const { service, method, read } of JSON_CALLS.values()) {
    const { requestType } = root.lookupService(`etcdserverpb.${service}`).methods[method]!
    const type = root.lookupType(`etcdserverpb.${requestType}`)
    if (read === SHAPES.Empty) continue
    const wanted = type.fromObject(full(type))
    assert.deepEqual(type.fromObject(read(full(type), '') as object).toJSON(), wanted.toJSON(), requestType)
  }
})

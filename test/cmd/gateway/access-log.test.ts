import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { openAccessLog } from '../../../cmd/gateway/access-log.ts'
import { LogFile } from '../../../cmd/gateway/log-file.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { Call } from '../../../internal/call.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send, sendRaw } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

const COMBINED =
  /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "(.*)" (\d{3}) (\d+|-) "(.*)" "(.*)"$/

/** Starts a gateway with this access log in a file, and returns the lines once there are so many. */
async function setUp(t: TestContext, accessLog: object) {
  const to = join(tempFolder(t), 'access.log')
  const node = await startNode(t, socket =>
    socket.write(answer('x'.repeat(3_000), ['Content-Type: text/plain'])),
  )
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: { r: { path: '/user/*', service: 'user', compress: true } },
    document: { logLevel: 'warn', accessLog: { ...accessLog, to } },
  })
  const lines = async (count: number) => {
    const read = () => (existsSync(to) ? readFileSync(to, 'utf8').split('\n').slice(0, -1) : [])
    await until('the lines are written', () => read().length >= count)
    return read()
  }
  return { port, to, lines }
}

test('combined lines have the request, the bytes of the body, referer and user agent, whatever the level of the log', async t => {
  const { port, lines } = await setUp(t, { format: 'combined' })
  const headers = { 'user-agent': 'a "b"', referer: 'http://x/y?token=hunter2' }
  await send(port, { path: '/user/a?token=hunter2', headers })
  await send(port, { method: 'HEAD', path: '/user/b' })
  const small = await send(port, { path: '/user/c', headers: { 'accept-encoding': 'gzip' } })
  const refused = await send(port, { path: '/none' })
  await askHttp2(openHttp2(t, port), { ':path': '/user/d', 'user-agent': 'two' })
  await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: x\nforged\r\n\r\n')
  const seen = (await lines(6)).map(line => COMBINED.exec(line)?.slice(1))
  assert.equal(small.headers['content-encoding'], 'gzip')
  const compressed = seen[2]?.[2]
  assert.ok(Number(compressed) > 10 && Number(compressed) < 300, `${compressed}`)
  assert.deepEqual(seen, [
    ['GET /user/a HTTP/1.1', '200', '3000', 'http://x/y', 'a \\x22b\\x22'],
    ['HEAD /user/b HTTP/1.1', '200', '0', '-', '-'],
    ['GET /user/c HTTP/1.1', '200', compressed, '-', '-'],
    ['GET /none HTTP/1.1', '404', String(refused.text.length), '-', '-'],
    ['GET /user/d HTTP/2.0', '200', '3000', '-', 'two'],
    ['-', '400', '-', '-', '-'],
  ])
})

test('chosen fields are written as logfmt', async t => {
  const { port, lines } = await setUp(t, {
    format: 'logfmt',
    fields: ['method', 'path', 'status', 'bytes', 'userAgent'],
  })
  await send(port, { path: '/user/a', headers: { 'user-agent': 'a b' } })
  const [line] = await lines(1)
  assert.match(
    line!,
    /^time=\S+Z level=info method=GET path=\/user\/a status=200 bytes=3000 userAgent="a b" msg=request$/,
  )
})

test('json without a choice has the fields that it has on standard output', async t => {
  const { port, lines } = await setUp(t, {})
  await send(port, { path: '/user/a' })
  const { path, status, bytes, msg } = JSON.parse((await lines(1))[0]!)
  assert.deepEqual([path, status, bytes, msg], ['/user/a', 200, undefined, 'request'])
})

test('a file that was renamed or removed is opened again', async t => {
  const path = join(tempFolder(t), 'access.log')
  const file = new LogFile(path, 'accessLog.to', () => {})
  t.after(() => file.close())
  const written = (to: string, text: string) =>
    until(`${text} is in ${to}`, () => {
      file.write('more\n')
      return existsSync(to) && readFileSync(to, 'utf8').includes(text)
    })
  file.write('one\n')
  await written(path, 'one')
  renameSync(path, `${path}.1`)
  await until('it is a new file', () => {
    file.write('two\n')
    return existsSync(path)
  })
  await written(path, 'two')
  assert.doesNotMatch(readFileSync(path, 'utf8'), /one/)
  rmSync(path)
  await written(path, 'more')
  appendFileSync(path, 'of another process\n')
  file.write('last\n')
  file.close()
  assert.match(readFileSync(path, 'utf8'), /of another process\n(more\n)*last\n$/)
  file.write('late\n')
})

/** Makes a named pipe whose reader takes what it is asked to. */
function openPipe(t: TestContext) {
  const path = join(tempFolder(t), 'access.log')
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.after(() => closeSync(fd))
  const read = () => {
    const bytes = Buffer.alloc(1024 * 1024)
    try {
      return bytes.toString('latin1', 0, readSync(fd, bytes))
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
      return ''
    }
  }
  return { path, read }
}

const LONG = `${'x'.repeat(100_000)}\n`

test('a line of which a part was written when the file was renamed is whole in the new file', async t => {
  const { path, read } = openPipe(t)
  const file = new LogFile(path, 'accessLog.to', () => {})
  t.after(() => file.close())
  // More than a pipe holds. The line after it makes it be written.
  file.write(LONG)
  file.write('later\n')
  renameSync(path, `${path}.1`)
  await until('there is a new file', () => {
    file.write('later\n')
    return existsSync(path) && readFileSync(path, 'latin1').includes('later')
  })
  assert.equal(readFileSync(path, 'latin1').split('\n')[0]!.length, LONG.length - 1)
  const begun = read()
  assert.ok(begun.length > 0 && begun.length < LONG.length && !begun.includes('\n'))
})

test('a file that is used no longer takes what is left when its reader does, and nothing waits for that', async t => {
  const { path, read } = openPipe(t)
  const { log, retire } = await openAccessLog({
    ...{ setting: { format: 'json', to: path }, logger: pino({ enabled: false }) },
    ...{ writeLine: () => {}, lost: { slowReader: 0, writeError: 0 } },
  })
  const target = `/${'x'.repeat(1_000)}`
  for (let i = 0; i < 200; i++) log!(new Call('id', 'GET', target, 0), 200, '10.0.0.9', 1)
  // However busy the machine is, a second does not pass.
  t.mock.method(performance, 'now', () => 0)
  retire()
  let text = ''
  await until('all lines are read', () => {
    text += read()
    return text.split('\n').length === 201
  })
})

test('a file that is used no longer has its lines before another one of the same path gets some', t => {
  const path = join(tempFolder(t), 'access.log')
  const [old, next] = [
    new LogFile(path, 'accessLog.to', () => {}),
    new LogFile(path, 'accessLog.to', () => {}),
  ]
  old.write('before the reload\n')
  old.retire()
  next.write('after it\n')
  next.close()
  assert.equal(readFileSync(path, 'utf8'), 'before the reload\nafter it\n')
})

test('a file that cannot be opened is an error that names the setting and the cure', t => {
  const path = join(tempFolder(t), 'none/access.log')
  assert.throws(() => new LogFile(path, 'accessLog.to', () => {}), {
    message: new RegExp(
      `^accessLog.to: cannot write to ${path} \\(ENOENT.*\\); create its folder, or name another file$`,
    ),
  })
})

test('without a file, the access log has the level info', async () => {
  const lines: string[] = []
  for (const level of ['info', 'warn']) {
    const { log, needsBytes } = await openAccessLog({
      ...{ setting: { format: 'combined' }, logger: pino({ level, enabled: true }) },
      ...{ writeLine: line => void lines.push(line), lost: { slowReader: 0, writeError: 0 } },
    })
    assert.equal(needsBytes, level === 'info')
    log?.(new Call('id', 'GET', '/', 0), 200, '10.0.0.9', 1)
  }
  assert.equal(lines.length, 1)
})

test('an unknown field, and fields beside the format combined, are refused', t => {
  for (const [accessLog, problem] of [
    [{ fields: ['statsu'] }, /accessLog\.fields\[0\]: .*not "statsu" \(did you mean "status"\?\)/],
    [{ format: 'clf' }, /accessLog\.format: must be "json", "logfmt" or "combined", not "clf"/],
    [{ feilds: ['status'] }, /accessLog\.feilds: is not a known field \(did you mean "fields"\?\)/],
    [{ fields: [] }, /accessLog\.fields: must not be empty/],
    [
      { format: 'combined', fields: ['status'] },
      /accessLog\.fields: must be absent with the format combined/,
    ],
  ] as const) {
    const cwd = tempFolder(t, { 'waygate.yaml': JSON.stringify({ accessLog }) })
    assert.throws(() => loadConfig({ env: {}, cwd }), problem)
  }
})

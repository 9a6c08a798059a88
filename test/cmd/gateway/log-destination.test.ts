import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { BatchedFile } from '../../../cmd/gateway/log-destination.ts'
import { until } from '../../support/until.ts'

const LINE = `${JSON.stringify({ text: 'caf\xe9 '.repeat(10) })}\n`
const source = join(import.meta.dirname, '../../../cmd/gateway/log-destination.ts')

function tempFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'waygate-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'log')
}

/** Creates a reader that takes `room` bytes and then none, until `room` is raised. */
function slowReader() {
  const reader = { room: 0, text: '' }
  const write = (_fd: number, bytes: Buffer): number => {
    if (reader.room === 0) throw Object.assign(new Error('would wait'), { code: 'EAGAIN' })
    const taken = Math.min(reader.room, bytes.length)
    reader.room -= taken
    reader.text += bytes.subarray(0, taken).toString('latin1')
    return taken
  }
  return { reader, destination: new BatchedFile(-1, write) }
}

test('lines are written in batches, and all of them when it is flushed', t => {
  const file = tempFile(t)
  const sizes: number[] = []
  const fd = openSync(file, 'a')
  const { writeSync } = process.getBuiltinModule('node:fs')
  const destination = new BatchedFile(fd, (to, bytes) => {
    sizes.push(bytes.length)
    return writeSync(to, bytes)
  })
  for (let i = 0; i < 1_000; i++) destination.write(LINE)
  destination.flush()
  assert.equal(readFileSync(file, 'utf8'), LINE.repeat(1_000))
  assert.ok(sizes.length < 50, `${sizes.length} writes`)
  assert.ok(sizes.every(size => size <= 4_096))
})

test('a line waits for others only for a short time', async () => {
  const { reader, destination } = slowReader()
  reader.room = 1_000
  destination.write(LINE)
  assert.equal(reader.text, '')
  await until('the line is written', () => reader.text !== '')
  assert.equal(Buffer.from(reader.text, 'latin1').toString(), LINE)
})

test('a reader that takes some bytes now and some later gets every byte in order', async () => {
  const { reader, destination } = slowReader()
  for (let i = 0; i < 200; i++) {
    destination.write(LINE)
    reader.room += 37
  }
  reader.room = Number.POSITIVE_INFINITY
  destination.flush()
  assert.equal(Buffer.from(reader.text, 'latin1').toString(), LINE.repeat(200))
})

test('a reader that takes nothing costs bounded memory, and learns how many lines were dropped', t => {
  const { reader, destination } = slowReader()
  const large = `"${'x'.repeat(4_000)}"\n`
  const sent = 6_000
  for (let i = 0; i < sent; i++) destination.write(large)
  reader.room = Number.POSITIVE_INFINITY
  // Writing takes as long as it takes on a busy machine: every look at the clock is a minute after the one before.
  let minutes = 0
  t.mock.method(performance, 'now', () => ++minutes * 60_000)
  destination.flush()
  const lines = reader.text.trimEnd().split('\n')
  const notice = lines.map(line => JSON.parse(line)).find(line => line.lines !== undefined)
  assert.equal(notice.msg, 'log lines dropped; the reader of the log is too slow')
  assert.equal(lines.length - 1 + notice.lines, sent)
  assert.ok(notice.lines > 1_000)
})

test('a reader that is gone does not end the process', () => {
  const destination = new BatchedFile(-1, () => {
    throw Object.assign(new Error('gone'), { code: 'EPIPE' })
  })
  destination.write(LINE)
  destination.flush()
  destination.write(LINE)
  destination.flush()
})

test('lines are kept while the disk is full, and the log says that it could not be written', async t => {
  let isFull = false
  let text = ''
  const destination = new BatchedFile(-1, (_fd, bytes) => {
    if (isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    text += bytes.toString()
    return bytes.length
  })
  destination.write(LINE)
  destination.flush()
  isFull = true
  for (let i = 0; i < 500; i++) destination.write(LINE)
  // The end of the process does not wait for room: no time passes here.
  const clock = t.mock.method(performance, 'now', () => 0)
  destination.flush()
  clock.mock.restore()
  assert.equal(text, LINE)
  isFull = false
  await until('the notice is written', () => text.includes('written again'))
  const lines = text.trimEnd().split('\n')
  const { level, reason, lines: lost } = JSON.parse(lines.pop()!)
  assert.deepEqual([level, reason, lost], [40, 'ENOSPC', 0])
  assert.equal(`${lines.join('\n')}\n`, LINE.repeat(501))
  assert.deepEqual(destination.lost, { slowReader: 0, writeError: 0 })
})

test('lines beyond those that are kept, and all of a reader that is gone, are counted', async () => {
  for (const [code, sent] of [
    ['ENOSPC', 6_000],
    ['EPIPE', 10],
  ] as const) {
    let error: string | undefined = code
    let text = ''
    const destination = new BatchedFile(-1, (_fd, bytes) => {
      if (error) throw Object.assign(new Error('no'), { code: error })
      text += bytes.toString()
      return bytes.length
    })
    const large = `"${'x'.repeat(4_000)}"\n`
    for (let i = 0; i < sent; i++) destination.write(large)
    destination.flush()
    const { writeError, slowReader } = destination.lost
    assert.equal(slowReader, 0)
    assert.ok(writeError > 0)
    error = undefined
    destination.write(LINE)
    await until('the notice is written', () => text.includes('written again'))
    const lines = text.trimEnd().split('\n')
    const notice = lines.map(line => JSON.parse(line)).find(line => line.reason !== undefined)
    assert.deepEqual([notice.reason, notice.lines], [code, writeError])
    assert.equal(lines.length - 2, sent - writeError)
    assert.equal(destination.lost.writeError, writeError, 'it is counted once')
  }
})

const FILLER = `
  import { rmSync } from 'node:fs'
  import { openLogDestination } from ${JSON.stringify(source)}
  const destination = openLogDestination()
  const write = i => destination.write(JSON.stringify({ i, pad: 'x'.repeat(200) }) + '\\n')
  for (let i = 0; i < 1000; i++) write(i)
  destination.flush()
  rmSync('ballast')
  setTimeout(() => {
    write(1000)
    destination.flush()
  }, 1100)
`

test('a disk that was full gets every line once there is room', async t => {
  const probe = await promisify(execFile)('unshare', ['-m', 'true']).catch(() => undefined)
  if (!probe) return t.skip('needs a mount namespace')
  const folder = mkdtempSync(join(tmpdir(), 'waygate-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const script = `mount -t tmpfs -o size=512k tmpfs "$0" && cd "$0" && head -c 450000 /dev/zero > ballast &&
    "$1" --input-type=module -e "$2" > log && cat log`
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['-m', 'sh', '-c', script, folder, process.execPath, FILLER],
    { maxBuffer: 1e8 },
  )
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const notice = lines.findIndex(line => line.reason !== undefined)
  assert.deepEqual([lines[notice].reason, lines[notice].lines], ['ENOSPC', 0])
  lines.splice(notice, 1)
  assert.deepEqual(
    lines.map(line => line.i),
    Array.from({ length: 1_001 }, (_, i) => i),
  )
})

const WRITER = `
  import { openLogDestination } from ${JSON.stringify(source)}
  const destination = openLogDestination()
  for (let i = 0; i < 3000; i++) destination.write(JSON.stringify({ by: process.argv[1], i, pad: 'x'.repeat(i % 300) }) + '\\n')
  destination.flush()
  process.exit()
`

test('standard output may be a socket, a pipe or a file', async t => {
  const args = ['--input-type=module', '-e', WRITER, '--', 'a']
  // Node gives its children sockets.
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 })
  assert.equal(stdout.trimEnd().split('\n').length, 3_000)
  const file = tempFile(t)
  for (const script of ['"$0" "$@" | cat > "$OUT"', '"$0" "$@" > "$OUT"']) {
    const child = spawn('sh', ['-c', script, process.execPath, ...args], {
      env: { ...process.env, OUT: file },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    assert.equal(readFileSync(file, 'utf8'), stdout, script)
  }
})

test('lines of several processes that share a pipe are never mixed', async t => {
  const file = tempFile(t)
  const run = (name: string) => `"$0" --input-type=module -e "$WRITER" -- ${name}`
  const child = spawn('sh', ['-c', `(${run('a')} & ${run('b')} & wait) | cat > "$OUT"`, process.execPath], {
    env: { ...process.env, OUT: file, WRITER },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await once(child, 'exit')
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  for (const name of ['a', 'b']) {
    const own = lines.filter(line => line.by === name).map(line => line.i)
    assert.deepEqual(
      own,
      Array.from({ length: 3_000 }, (_, i) => i),
    )
  }
})

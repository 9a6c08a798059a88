import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setInterval } from 'node:timers/promises'
import { FileRegistry, type FileRegistryOptions } from '../../discovery/file-registry.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { Follower } from './follow.ts'

interface Scene {
  readonly registry: FileRegistry
  readonly follower: Follower
}

/** By default only a change reported for the folder causes a read, so that a missed one fails the test. */
function follow(t: TestContext, file: string, options: Partial<FileRegistryOptions> = {}): Scene {
  const registry = new FileRegistry({ file, pollMs: 3_600_000, settleMs: 20, ...options })
  const follower = new Follower(registry)
  t.after(() => registry.close())
  return { registry, follower }
}

const one = 'services: { user: [{ id: one, ip: 10.0.0.1, port: 3001 }] }\n'
const two = 'services: { user: [{ id: two, ip: 10.0.0.2, port: 3001 }] }\n'
const has = (follower: Follower, id: string) => () => follower.nodes().join() === `user/${id}:1`
const problems = ({ directory }: Follower) =>
  directory.problems().map(({ key, reason }) => `${key}: ${reason}`)

const edits: readonly [how: string, edit: (file: string, text: string) => void][] = [
  ['written in place', (file, text) => writeFileSync(file, text)],
  [
    'replaced by a rename',
    (file, text) => {
      writeFileSync(`${file}.tmp`, text)
      renameSync(`${file}.tmp`, file)
    },
  ],
  [
    'deleted and written anew',
    (file, text) => {
      rmSync(file)
      writeFileSync(file, text)
    },
  ],
]

for (const [how, edit] of edits) {
  test(`a file that is ${how} is noticed`, async t => {
    const file = join(tempFolder(t, { 'services.yaml': one }), 'services.yaml')
    const { follower, registry } = follow(t, file)
    await follower.until('one is there', has(follower, 'one'))
    assert.equal(registry.status('services').revision, '1')
    edit(file, two)
    await follower.until('two is there', has(follower, 'two'))
    assert.equal(registry.status('services').revision, '2')
  })
}

test('a ConfigMap, whose ..data link is switched, is noticed', async t => {
  const folder = tempFolder(t, { '..1/services.yaml': one })
  symlinkSync('..1', join(folder, '..data'))
  symlinkSync(join('..data', 'services.yaml'), join(folder, 'services.yaml'))
  const { follower } = follow(t, join(folder, 'services.yaml'))
  await follower.until('one is there', has(follower, 'one'))
  mkdirSync(join(folder, '..2'))
  writeFileSync(join(folder, '..2', 'services.yaml'), two)
  symlinkSync('..2', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  rmSync(join(folder, '..1'), { recursive: true })
  await follower.until('two is there', has(follower, 'two'))
})

test('a change that the folder does not report is found by polling: a link that leads elsewhere', async t => {
  const folder = tempFolder(t, { 'here/x': '', 'there/services.yaml': one })
  const target = join(folder, 'there', 'services.yaml')
  const link = join(folder, 'here', 'services.yaml')
  symlinkSync(target, link)
  const { follower } = follow(t, link, { pollMs: 20 })
  await follower.until('one is there', has(follower, 'one'))
  writeFileSync(target, two)
  await follower.until('two is there', has(follower, 'two'))
})

test('a folder that appears later, disappears and appears again is found', async t => {
  const folder = join(tempFolder(t), 'later')
  const file = join(folder, 'services.yaml')
  const { follower } = follow(t, file, { pollMs: 20 })
  for (const [text, id] of [
    [one, 'one'],
    [two, 'two'],
  ] as const) {
    await follower.until('it is missed', () => follower.source('nodes').reason === `${file}: no such file`)
    mkdirSync(folder)
    writeFileSync(file, text)
    await follower.until(`${id} is there`, has(follower, id))
    await follower.until('it is connected', () => follower.connected())
    rmSync(folder, { recursive: true })
  }
})

test('it waits for a file that does not exist yet, without a table', async t => {
  const file = join(tempFolder(t), 'services.yaml')
  const { follower, registry } = follow(t, file)
  await follower.until('it is missed', () => follower.source('routes').reason === `${file}: no such file`)
  assert.equal(follower.loaded(), false)
  assert.deepEqual(
    [
      registry.status('services').connected,
      registry.status('services').revision,
      registry.status('services').ageMs,
    ],
    [false, undefined, undefined],
  )
  await assert.rejects(registry.getService('user'), { message: `${file}: no such file` })
  writeFileSync(file, one)
  await follower.until('it is connected', () => follower.connected())
  assert.deepEqual(follower.nodes(), ['user/one:1'])
})

test('it waits when the file does not parse at the start, without a table', async t => {
  const file = join(tempFolder(t, { 'services.yaml': 'services: [' }), 'services.yaml')
  const { follower, registry } = follow(t, file)
  await follower.until('it is told', () => follower.source('nodes').reason !== undefined)
  assert.match(follower.source('nodes').reason!, /services\.yaml: line 1, column 12: /)
  assert.equal(follower.loaded(), false)
  await assert.rejects(registry.getService('user'), /services\.yaml: line 1, column 12: /)
  writeFileSync(file, one)
  await follower.until('one is there', has(follower, 'one'))
  assert.deepEqual(problems(follower), [])
})

test('a file that no longer parses keeps the table and reports one problem with its place', async t => {
  const route = 'routes: { r1: { path: /a, service: user } }\n'
  const file = join(tempFolder(t, { 'services.yaml': one + route }), 'services.yaml')
  const { follower } = follow(t, file)
  await follower.until('one is there', has(follower, 'one'))
  writeFileSync(file, 'services:\n  user: }\n')
  await follower.until('the problem is shown', () => problems(follower).length > 0)
  assert.equal(problems(follower).length, 1)
  assert.match(problems(follower)[0]!, /services\.yaml: line 2, column 9: /)
  assert.deepEqual(follower.nodes(), ['user/one:1'])
  assert.equal(follower.directory.routes().length, 1)
  assert.equal(follower.connected(), true)
  writeFileSync(file, two)
  await follower.until('two is there', has(follower, 'two'))
  assert.deepEqual(problems(follower), [])
  await follower.until('the route is gone', () => follower.directory.routes().length === 0)
})

test('a deleted file keeps the table but no longer confirms it; the same file again keeps its revision', async t => {
  const file = join(tempFolder(t, { 'services.yaml': one }), 'services.yaml')
  const { follower, registry } = follow(t, file)
  await follower.until('it is connected', () => follower.connected())
  rmSync(file)
  await follower.until('it is missed', () => !follower.connected())
  assert.deepEqual(follower.nodes(), ['user/one:1'])
  assert.equal(follower.source('nodes').reason, `${file}: no such file`)
  assert.equal(registry.status('services').connected, false)
  writeFileSync(file, one)
  await follower.until('it is back', () => follower.connected())
  assert.equal(registry.status('services').revision, '1')
})

test('a file that is still being written is not used', async t => {
  const file = join(tempFolder(t, { 'services.yaml': one }), 'services.yaml')
  // Long against the pauses between the writes, also where the machine makes these longer.
  const { follower } = follow(t, file, { settleMs: 500 })
  await follower.until('one is there', has(follower, 'one'))
  // Each of these would be a valid file without nodes.
  let length = 0
  for await (const part of setInterval(10, 1, { signal: t.signal })) {
    length += part
    writeFileSync(file, `services: {} #${'.'.repeat(length)}`)
    if (length === 50) break
  }
  writeFileSync(file, two)
  await follower.until('two is there', has(follower, 'two'))
  const tables = follower.events.filter(({ type, scope }) => type !== 'status' && scope === 'nodes')
  assert.equal(tables.length, 2)
})

test('a folder, a device and a huge file are refused, not read', async t => {
  const folder = tempFolder(t, { 'services.yaml/x': '', huge: ' '.repeat(1_048_577) })
  for (const [name, reason] of [
    ['services.yaml', /it is a folder/],
    ['huge', /larger than 1048576 bytes/],
  ] as const) {
    const registry = new FileRegistry({ file: join(folder, name) })
    await assert.rejects(registry.getService('user'), reason)
  }
  await assert.rejects(new FileRegistry({ file: '/dev/null' }).getService('user'), /it is not a regular file/)
})

test('a registry without a file is an error', () => {
  assert.throws(() => new FileRegistry({ file: undefined }), TypeError)
})

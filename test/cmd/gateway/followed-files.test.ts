import assert from 'node:assert/strict'
import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FollowedFiles } from '../../../cmd/gateway/followed-files.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { until } from '../../support/until.ts'

/** Follows two files, which can be used while both have the same content. */
function follow(t: TestContext) {
  const folder = tempFolder(t, { a: 'one', b: 'one' })
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  const used: string[] = []
  const problems: (string | undefined)[] = []
  let readings = 0
  const files = new FollowedFiles([
    {
      paths: [a, b],
      readAgain() {
        readings++
        const [first, second] = [readFileSync(a, 'utf8'), readFileSync(b, 'utf8')]
        if (first !== second) throw new Error(`${first} is not ${second}`)
        if (used.at(-1) !== first) used.push(first)
      },
      onProblem: reason => problems.push(reason),
    },
  ])
  t.after(() => files.close())
  const put = (path: string, text: string) => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
  const uses = (text: string) => until(`${text} is used`, () => used.at(-1) === text)
  return { folder, a, b, used, problems, put, uses, files, readings: () => readings }
}

test('files are read once more at the start, since they may have changed since the configuration was read', async t => {
  const { uses, problems } = follow(t)
  await uses('one')
  assert.deepEqual(problems, [])
})

test('two files that are replaced one after the other are no problem', async t => {
  const { a, b, put, uses, readings, problems } = follow(t)
  await uses('one')
  for (const text of ['two', 'three', 'four']) {
    const before = readings()
    put(a, text)
    // The first file alone was seen, so the set did not match.
    await until('it was read in between', () => readings() > before, { everyMs: 2 })
    put(b, text)
    await uses(text)
  }
  assert.deepEqual(problems, [])
})

test('a file that is written in place is noticed', async t => {
  const { a, b, uses } = follow(t)
  await uses('one')
  writeFileSync(a, 'two')
  writeFileSync(b, 'two')
  await uses('two')
})

test('a link that is switched to another folder is noticed, as containers replace secrets', async t => {
  const folder = tempFolder(t, { '1/a': 'one', '2/a': 'two' })
  symlinkSync('1', join(folder, 'data'))
  const path = join(folder, 'data', 'a')
  const used: string[] = []
  const files = new FollowedFiles([
    { paths: [path], readAgain: () => used.push(readFileSync(path, 'utf8')), onProblem: () => {} },
  ])
  t.after(() => files.close())
  await until('the first is used', () => used.at(-1) === 'one')
  symlinkSync('2', join(folder, 'data.new'))
  renameSync(join(folder, 'data.new'), join(folder, 'data'))
  await until('the second is used', () => used.at(-1) === 'two')
})

test('files that are deleted are a problem until they are back', async t => {
  const { a, put, uses, problems } = follow(t)
  await uses('one')
  rmSync(a)
  await until('it is told', () => problems.length === 1)
  assert.match(problems[0]!, /ENOENT/)
  put(a, 'one')
  await until('it is well', () => problems.length === 2)
  assert.equal(problems[1], undefined)
})

test('a set that cannot be used is told once for each change, and once when it is mended', async t => {
  const { a, b, put, uses, readings, problems } = follow(t)
  await uses('one')
  put(a, 'two')
  await until('it is told', () => problems.length === 1)
  const before = readings()
  // Another set would be told as well; nothing has changed, so nothing is read.
  const { uses: otherUses } = follow(t)
  await otherUses('one')
  assert.equal(readings(), before)
  put(a, 'three')
  await until('the other mistake is told', () => problems.length === 2)
  put(b, 'three')
  await uses('three')
  assert.deepEqual(problems, ['two is not one', 'three is not one', undefined])
})

test('nothing is read after it was closed', async t => {
  const { a, b, put, uses, files, readings } = follow(t)
  await uses('one')
  files.close()
  const before = readings()
  put(a, 'two')
  put(b, 'two')
  const { uses: otherUses, put: otherPut, a: otherA, b: otherB } = follow(t)
  await otherUses('one')
  otherPut(otherA, 'two')
  otherPut(otherB, 'two')
  await otherUses('two')
  assert.equal(readings(), before)
})

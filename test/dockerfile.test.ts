import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const lines = readFileSync(join(root, 'Dockerfile'), 'utf8')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')

function instructions(name: string): string[] {
  return lines.filter(line => line.startsWith(`${name} `)).map(line => line.slice(name.length).trim())
}

const copied = instructions('COPY')
  .filter(line => !line.startsWith('--from='))
  .flatMap(line => line.split(/\s+/).slice(0, -1))

test('everything the image copies exists and is let through to the build', () => {
  assert.ok(copied.includes('package.json'))
  for (const source of copied) {
    assert.ok(existsSync(join(root, source)), source)
    assert.ok(ignored.includes(`!${source}`), `.dockerignore lets ${source} through`)
  }
})

test('everything that is compiled is copied', () => {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'))
  for (const source of include) assert.ok(copied.includes(source), source)
})

test('what is let through to the build is all copied', () => {
  const allowed = ignored.filter(line => line.startsWith('!')).map(line => line.slice(1))
  assert.deepEqual(allowed.sort(), copied.toSorted())
})

test('the image runs as an unprivileged user on the pinned major version of Node', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const major = devDependencies.node.split('.')[0]
  for (const base of instructions('FROM')) assert.match(base, new RegExp(`^node:${major}-slim\\b`))
  assert.deepEqual(instructions('USER'), ['node'])
})

test('the health check is the command for it', () => {
  const [flags = '', command = ''] = instructions('HEALTHCHECK')[0]!.split(' CMD ')
  assert.deepEqual(JSON.parse(command), ['node', 'dist/cmd/waygate.js', 'healthcheck'])
  // The entry point names the same file.
  assert.deepEqual(JSON.parse(instructions('ENTRYPOINT')[0]!), ['node', 'dist/cmd/waygate.js'])
  assert.match(flags, /--interval=30s .*--start-interval=1s/)
})

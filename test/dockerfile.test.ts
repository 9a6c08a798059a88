import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { allowedInBuild, readDockerfile } from './support/dockerfile.ts'
import { importsOf } from './support/imports.ts'

// test/faults/image.ts follows the instructions by hand.

const root = join(import.meta.dirname, '..')
const instructions = readDockerfile(root).flatMap(stage => stage.instructions)
const ofKind = (kind: string) => instructions.filter(({ name }) => name === kind).map(({ text }) => text)
const allowed = allowedInBuild(root)

test('everything that the build lets through exists', () => {
  assert.ok(allowed.includes('package.json'))
  for (const source of allowed) assert.ok(existsSync(join(root, source)), source)
})

test('everything that the build imports is let through', () => {
  const reached = new Set(['scripts/build.ts', 'cmd/waygate.ts', 'ui/main.ts', 'index.ts', 'fastify.ts'])
  for (const file of reached) {
    assert.ok(
      allowed.some(entry => file === entry || file.startsWith(`${entry}/`)),
      `.dockerignore lets ${file} through`,
    )
    for (const { specifier } of importsOf(readFileSync(join(root, file), 'utf8'))) {
      const target = posix.join(posix.dirname(file), specifier)
      if (specifier.startsWith('.') && existsSync(join(root, target))) reached.add(target)
    }
  }
  assert.ok(reached.size > 300, `${reached.size} files`)
  const { include, extends: base } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'))
  for (const source of [...include, posix.normalize(base)]) assert.ok(allowed.includes(source), source)
})

test('the image is made of the exact Node that the project runs on', () => {
  const { devDependencies, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const base = `node:${devDependencies.node}-slim`
  assert.deepEqual(ofKind('ARG'), [`BASE=${base}`])
  const labels = ofKind('LABEL')[0]!
  assert.ok(labels.includes(`base.name="docker.io/library/${base}"`), labels)
  assert.ok(labels.includes(`licenses="${license}"`), labels)
})

test('it runs as an unprivileged user with a number, which Kubernetes asks for', () => {
  assert.deepEqual(ofKind('USER'), ['1000:1000'])
})

test('the health check is the command for it', () => {
  const [flags = '', command = ''] = ofKind('HEALTHCHECK')[0]!.split(' CMD ')
  assert.deepEqual(JSON.parse(command), ['node', 'dist/cmd/waygate.js', 'healthcheck'])
  // The entry point names the same file.
  assert.deepEqual(JSON.parse(ofKind('ENTRYPOINT')[0]!), ['node', 'dist/cmd/waygate.js'])
  assert.match(flags, /--interval=30s .*--start-interval=1s/)
})

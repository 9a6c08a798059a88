import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { loadConfig } from '../config/load/load.ts'
import { readRouteDocument } from '../config/route/read-route-document.ts'
import { generatedFiles, replacePart } from '../scripts/docs-files.ts'
import { tempFolder } from './config/temp-folder.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const examples = [...read('docs/configuration.md').matchAll(/^```yaml\n(.*?)^```$/gms)].map(
  ([, yaml]) => yaml!,
)

const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true })
const configSchema = ajv.compile(JSON.parse(read('docs/schema/config.schema.json')))
const routeSchema = ajv.compile(JSON.parse(read('docs/schema/route.schema.json')))

for (const [file, content] of generatedFiles(read)) {
  test(`${file} says what the program does ("npm run docs" brings it up to date)`, () => {
    assert.equal(read(file), content)
  })
}

test('a page without a mark is an error, and the text around the marks is kept', () => {
  assert.throws(() => replacePart('text', 'fields', 'x'), /lacks <!-- generated: fields -->/)
  const page = 'a\n<!-- generated: x -->\nold\n<!-- end of x -->\nb\n'
  assert.equal(replacePart(page, 'x', 'new'), 'a\n<!-- generated: x -->\n\nnew\n\n<!-- end of x -->\nb\n')
})

test('the example on the page is a valid configuration', t => {
  assert.equal(examples.length, 1)
  const cwd = tempFolder(t, {
    'waygate.yaml': examples[0]!,
    'jwt.secret': '0123456789abcdef0123456789abcdef\n',
  })
  const { config, keys, warnings } = loadConfig({ env: { WAYGATE_ETCD_PASSWORD: 'x' }, cwd })
  assert.deepEqual(warnings, [])
  assert.deepEqual(keys.jwt?.algorithms, ['HS256', 'HS384', 'HS512'])
  assert.deepEqual(Object.keys(config.routes.documents), ['task-api', 'login'])
})

test('the published schema takes the example, and an empty file', () => {
  for (const value of [
    parse(examples[0]!),
    {},
    { $schema: 'x', breaker: {}, routes: { defaults: { retries: null } } },
  ]) {
    assert.ok(configSchema(value), JSON.stringify(configSchema.errors))
  }
})

test('the published schema refuses what the program refuses', () => {
  for (const value of [
    { prot: 1 },
    { port: 65_536 },
    { port: '80' },
    { logLevel: 'loud' },
    { breaker: { failureRatio: 0 } },
    { jwt: { algorithms: ['none'] } },
    { routes: { documents: { a: { path: '/a' } } } },
    { routes: { documents: { 'a/b': { path: '/a', service: 'a' } } } },
    { routes: { documents: { a: { path: '/a', service: 'a', auth: 'maybe' } } } },
  ]) {
    assert.equal(configSchema(value), false, JSON.stringify(value))
    assert.throws(() => loadConfig({ env: {}, cwd: root, flags: flagsOf(value) }), { name: 'ConfigError' })
  }
})

function flagsOf(value: object) {
  return Object.entries(value).map(([path, inner]) => ({ path, value: inner, source: 'test' }))
}

test('the schema of route documents and the program agree', () => {
  const good = globSync('examples/routes/*.json', { cwd: root }).map(file => JSON.parse(read(file)))
  assert.ok(good.length > 0)
  for (const document of good) {
    assert.ok(routeSchema(document), JSON.stringify(routeSchema.errors))
    assert.deepEqual(readRouteDocument(document).problems, [])
  }
  for (const document of [
    {},
    { path: '/a' },
    { path: '/a', service: 'a', x: 1 },
    { path: '/a', service: 'a', retries: 11 },
  ]) {
    assert.equal(routeSchema(document), false)
    assert.notEqual(readRouteDocument(document).problems.length, 0)
  }
})

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { brokenArrows, brokenUiImports, isIn, type PackagePlaces, SUB_ARROWS } from './support/arrows.ts'
import { circlesIn, importGraph, namesTwice } from './support/import-graph.ts'
import { importsOf } from './support/imports.ts'
import { filesOf } from './support/together.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const files = globSync(
  '{cmd,config,discovery,fastify,internal,middleware,wrappers,routes,stores,examples}/**/*.ts',
  {
    cwd: root,
  },
)
  .concat('index.ts', 'fastify.ts')
  .map(file => file.replaceAll('\\', '/'))
const manifest: Record<string, Record<string, string>> = JSON.parse(read('package.json'))
const { devDependencies, scripts } = manifest as { devDependencies: object; scripts: { test: string } }
const page = read('docs/dependencies.md')

/** The rows of the page's table of run time packages. */
const places: PackagePlaces = new Map(
  [...page.matchAll(/^\| `([^`]+)` \| (`[^|]+`) \| [^|]+ \|$/gm)].map(([, name, cell]) => [
    name!,
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, place]) => place!),
  ]),
)
const described = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)

test('no room imports a room that it must not know', () => {
  assert.ok(files.length > 50, 'the sources were found')
  assert.deepEqual(
    files.flatMap(file => brokenArrows(file, read(file), places)),
    [],
  )
})

const uiFiles = globSync('ui/**/*.ts', { cwd: root }).map(file => file.replaceAll('\\', '/'))
const ui = new Map(uiFiles.map(file => [file, read(file)]))

test('the page imports nothing but itself, types of the admin API and two modules of telemetry, and no circle', () => {
  assert.ok(ui.size > 20, 'the sources of the page were found')
  assert.deepEqual(
    [...ui].flatMap(([file, source]) => brokenUiImports(file, source)),
    [],
  )
  assert.deepEqual(circlesIn(importGraph(ui)), [])
  assert.deepEqual([...namesTwice(ui)], [])
})

for (const [file, line] of [
  ['ui/a.ts', "import { a } from '../internal/http/a.ts'"],
  ['ui/views/a.ts', "import { a } from '../../routes/admin/a.ts'"],
  ['ui/a.ts', "import type { A } from '../config/a.ts'"],
  ['ui/a.ts', "import { readFile } from 'node:fs'"],
  ['ui/a.ts', "import { h } from 'preact'"],
  ['ui/html.ts', "import leftPad from 'left-pad'"],
] as const) {
  test(`noticed in ${file}: ${line}`, () => assert.equal(brokenUiImports(file, line).length, 1))
}

const sources = new Map(
  files.filter(file => !file.startsWith('examples/') && file !== 'index.ts').map(file => [file, read(file)]),
)
const graph = importGraph(sources)

test('npm test runs every test file once', () => {
  const patterns = [...scripts.test.matchAll(/"(test\/[^"]+)"/g)].map(([, pattern]) => pattern!)
  const alone = patterns.flatMap(pattern => globSync(pattern, { cwd: root }))
  const together = alone.flatMap(file => {
    const call = /^runTogether\('(.+)'(?:, \{ part: (\d+), of: (\d+) \})?\)$/m.exec(read(file))
    if (!call) return []
    const [, folder, part, of] = call
    return filesOf(folder!, part ? { part: Number(part), of: Number(of) } : undefined)
  })
  const run = [...alone, ...together.map(file => `test/${file}`)]
  assert.deepEqual(run.sort(), globSync('test/**/*.test.ts', { cwd: root }).sort())
})

test('no file imports node:http or node:https, with which Node loads its fetch and WebSocket', () => {
  assert.deepEqual(
    files.filter(
      file =>
        !file.startsWith('examples/') && /^(?:import|\}) (?!type\b).*from 'node:https?'/m.test(read(file)),
    ),
    [],
    'process.getBuiltinModule takes half as long as a bare Node to start',
  )
})

test('no files import each other in a circle, types included', () => {
  assert.deepEqual(circlesIn(graph), [])
})

test('no name is exported with two meanings', () => {
  assert.deepEqual([...namesTwice(sources)], [])
})

test('every folder has its line among the arrows, and every line its folder', () => {
  const folders = new Set(
    files
      .filter(file => !/^(?:examples\/|index\.ts|fastify\.ts)/.test(file))
      .map(file => posix.dirname(file)),
  )
  assert.deepEqual(
    [...folders].filter(
      folder =>
        folder.includes('/') &&
        !Object.keys(SUB_ARROWS).some(room => room.includes('/') && isIn(folder, room)),
    ),
    [],
  )
  assert.deepEqual(
    Object.keys(SUB_ARROWS).filter(room => !files.some(file => isIn(file, room))),
    [],
  )
})

/** Folders whose files are the entries of one table, which may be as short as they are. */
const TABLES = [
  'cmd/commands',
  'config/policies',
  'discovery/codecs',
  'internal/balancers',
  'middleware/policies',
]
/** Short files that only one file imports, with the reason why they stand alone. */
const STANDING_ALONE: Readonly<Record<string, string>> = {
  'discovery/registries.ts': 'the table of registries',
  'middleware/auth/token-signature.ts': 'the only place that asks jsonwebtoken or OpenSSL about a signature',
  'middleware/connection/chunked-upgrade.ts':
    "a workaround for one hole of Node's parser, to be deleted with it",
  'wrappers/observe.ts': 'an entry of the list of wrappers',
}
const SHORT_LINES = 25

test('a file of 25 lines or less is an entry of a table, shared by several files, or explained', () => {
  const importers = (file: string) => [...graph.values()].filter(targets => targets.includes(file)).length
  const alone = [...sources]
    .filter(
      ([file, source]) =>
        !file.startsWith('examples/') && file !== 'index.ts' && source.split('\n').length <= SHORT_LINES + 1,
    )
    .map(([file]) => file)
    .filter(file => !TABLES.some(table => isIn(file, table)) && importers(file) < 2)
  assert.deepEqual(alone.sort(), Object.keys(STANDING_ALONE).sort())
})

/** Where JSON is parsed, with the reason why `parseJson` is not used there. */
const JSON_READERS: Readonly<Record<string, string>> = {
  'internal/text/json.ts': 'the one reader of documents',
  'internal/claim-path.ts': 'one quoted name in a path',
  'middleware/auth/token-form.ts': 'a token, of whose text a message must not say anything',
  'discovery/embedded-etcd/journal-lines.ts': 'a file that only the embedded etcd writes, with checksums',
  'discovery/embedded-etcd/json-documents.ts':
    'bodies of requests, in which the last of two members counts, as in etcd, and digits of lease ids must not be lost',
  'discovery/etcd/snapshot-file.ts': 'a file that only the gateway writes, with a checksum',
  'cmd/cli/arguments.ts': 'a word of the command line that may be JSON or plain text',
  'cmd/cli/version.ts': 'the package.json of Waygate',
  'cmd/workers/kept-program.ts': 'what one process of Waygate sends to another',
  'wrappers/protobuf/json-text.ts':
    'bodies of requests, in which the last of two members counts, as in all JSON in front of gRPC, and digits must not be lost',
}

test('documents are read by one reader of JSON and one of YAML, so that no two places understand them differently', () => {
  const using = (call: RegExp) => [...sources].filter(([, source]) => call.test(source)).map(([file]) => file)
  assert.deepEqual(using(/\bJSON\.parse\(/).sort(), Object.keys(JSON_READERS).sort())
  assert.deepEqual(using(/\bparse(?:All)?Documents?\(|\b[yY]aml\.parse\(/), ['internal/text/yaml.ts'])
})

test('every dependency has its line on the page, and every line its dependency', () => {
  assert.deepEqual(described.sort(), Object.keys(devDependencies).sort())
})

test('all packages are part of the bundle, so an installation has none beside this one', () => {
  for (const kind of ['dependencies', 'optionalDependencies', 'bundleDependencies', 'bundledDependencies'])
    assert.equal(manifest[kind], undefined, `${kind} are installed, although the bundle has their code`)
  // Applications that use the plugin bring the framework, whose types those of the plugin name.
  assert.deepEqual(Object.keys(manifest.peerDependencies!), ['fastify'])
  assert.deepEqual(manifest.peerDependenciesMeta, { fastify: { optional: true } })
})

test('every dependency is used where the page says', () => {
  for (const [name, allowed] of places) {
    for (const place of allowed) {
      const here = files.filter(file => isIn(file, place))
      // A log target is named rather than imported, so any mention in quotes counts.
      assert.ok(
        here.some(file => read(file).includes(`'${name}`)),
        `${name} is not used in ${place}`,
      )
    }
  }
})

test('every version is pinned exactly', () => {
  for (const [name, version] of Object.entries(devDependencies)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name)
  }
})

const samplePlaces: PackagePlaces = new Map([
  ['opossum', ['wrappers']],
  ['jsonwebtoken', ['middleware', 'cmd/commands/token.ts']],
  ['@fastify/http-proxy', ['routes']],
])

const broken: [file: string, line: string][] = [
  ['internal/a.ts', "import { a } from '../config/a.ts'"],
  ['internal/balancers/a.ts', "import { a } from '../../wrappers/a.ts'"],
  ['internal/a.ts', "import { createServer } from 'node:net'"],
  ['internal/a.ts', "import { setTimeout } from 'node:timers/promises'"],
  ['internal/a.ts', "import 'node:fs'"],
  ['internal/a.ts', "import opossum from 'opossum'"],
  ['internal/a.ts', 'const timer = setTimeout(() => {}, 5)'],
  ['internal/a.ts', 'console.log(1)'],
  ['wrappers/a.ts', "import leftPad from 'left-pad'"],
  ['discovery/a.ts', "import { a } from '../middleware/a.ts'"],
  ['discovery/etcd/a.ts', "import { a } from '../../config/a.ts'"],
  ['middleware/a.ts', "import { a } from '../wrappers/a.ts'"],
  ['middleware/a.ts', "import type { A } from '../config/a.ts'"],
  ['middleware/a.ts', "export * from '../routes/a.ts'"],
  ['wrappers/a.ts', "import {\n  a,\n  b,\n} from '../discovery/a.ts'"],
  ['wrappers/a.ts', "import httpProxy from '@fastify/http-proxy'"],
  ['routes/a.ts', "import { a } from '../wrappers/a.ts'"],
  ['routes/a.ts', "const { a } = await import('../config/a.ts')"],
  ['routes/a.ts', "import { a } from '../cmd/a.ts'"],
  ['config/a.ts', "import { a } from '../middleware/a.ts'"],
  ['cmd/a.ts', "import { a } from '../test/a.ts'"],
  ['wrappers/http1/a.ts', "import { a } from '../node/a.ts'"],
  ['routes/public/a.ts', "import { a } from './http1/a.ts'"],
  ['routes/admin/a.ts', "import type { A } from '../public/a.ts'"],
  ['config/kit/a.ts', "import type { A } from '../schema.ts'"],
  ['routes/public/a.ts', "import type { ServerResponse } from 'node:http'"],
  ['internal/http/a.ts', "import type { IncomingMessage } from 'node:http'"],
  ['cmd/other.ts', "import jwt from 'jsonwebtoken'"],
  ['cmd/a.ts', "const opossum = createRequire(import.meta.url)('opossum')\nrequire('opossum/lib/a.js')"],
]

for (const [file, line] of broken) {
  test(`noticed in ${file}: ${line}`, () => assert.equal(brokenArrows(file, line, samplePlaces).length, 1))
}

const allowed: [file: string, line: string][] = [
  ['internal/a.ts', "import { b } from './b.ts'"],
  ['internal/a.ts', "import type { Readable } from 'node:stream'"],
  ['internal/balancers/a.ts', "import { b } from '../nodes/peer.ts'"],
  ['internal/a.ts', '// setTimeout(f) is for others\n/**\n * console.log(x)\n */'],
  ['wrappers/a.ts', "import opossum from 'opossum'"],
  ['routes/a.ts', "import { a } from '../middleware/a.ts'"],
  ['cmd/commands/token.ts', "import jwt from 'jsonwebtoken'"],
  ['cmd/a.ts', "import { a } from '../wrappers/a.ts'"],
  ['wrappers/node/a.ts', "import { a } from '../http1/a.ts'"],
  ['routes/public/http1/a.ts', "import { a } from '../a.ts'\nimport type { Server } from 'node:http'"],
  ['examples/user/a.ts', "import jwt from 'jsonwebtoken'\nimport { a } from '../shared/a.ts'"],
  ['test/a.ts', "import opossum from 'opossum'\nimport { a } from '../wrappers/a.ts'"],
]

for (const [file, line] of allowed) {
  test(`allowed in ${file}: ${line}`, () => assert.deepEqual(brokenArrows(file, line, samplePlaces), []))
}

test('an import is found in every form it can take', () => {
  const source = [
    "import a from 'a'",
    "import type { B } from 'b'",
    "import {\n  c,\n  type D,\n} from 'c'",
    "import 'd'",
    "export { e } from 'e'",
    "  const f = await import('f')",
    "  const g = require('g')",
    "const text = 'not an import of h'",
  ].join('\n')
  assert.deepEqual(
    importsOf(source).map(({ specifier, typeOnly }) => (typeOnly ? `type ${specifier}` : specifier)),
    ['a', 'type b', 'c', 'e', 'd', 'f', 'g'],
  )
})

test('a circle is found whatever leads into it', () => {
  const circle = new Map([
    ['a.ts', "import { b } from './b.ts'"],
    ['b.ts', "import type { C } from './c.ts'\nimport { d } from './d.ts'"],
    ['c.ts', "export { b } from './b.ts'"],
    ['d.ts', ''],
  ])
  assert.deepEqual(circlesIn(importGraph(circle)), [['b.ts', 'c.ts']])
})

test('a name that two files export is found, whatever it names', () => {
  const texts = new Map([
    ['a.ts', 'export const one = 1\nexport interface Two {}'],
    ['b.ts', 'export async function one() {}\nfunction Two() {}'],
  ])
  assert.deepEqual([...namesTwice(texts)], [['one', ['a.ts', 'b.ts']]])
})

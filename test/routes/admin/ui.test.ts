import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import { serveUi } from '../../../routes/admin/ui/serve-ui.ts'
import { readScript, toBrowserImports } from '../../../routes/admin/ui/ui-sources.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { send } from '../../support/http.ts'

test('modules of the page import files that a browser finds', () => {
  for (const [name, line, expected] of [
    ['main.js', "import { h } from 'preact'", "import { h } from './vendor/preact.js'"],
    [
      'views/a.js',
      "import { useState } from 'preact/hooks'",
      "import { useState } from '../vendor/preact-hooks.js'",
    ],
    ['vendor/preact-hooks.js', 'import{options as n}from"preact";', 'import{options as n}from"./preact.js";'],
    ['views/a.js', "export * from '../b.ts'", "export * from '../b.js'"],
    ['views/a.js', "import './c.ts'", "import './c.js'"],
    ['a.js', "const { d } = await import('./views/d.ts')", "const { d } = await import('./views/d.js')"],
    ['a.js', "import { f } from '../internal/telemetry/f.ts'", "import { f } from './shared/f.js'"],
    ['views/a.js', "import { f } from '../../internal/telemetry/f.ts'", "import { f } from '../shared/f.js'"],
    ['a.js', "const text = 'preact'", "const text = 'preact'"],
  ] as const) {
    assert.equal(toBrowserImports(line, name), expected)
  }
})

test('a script of the page is its source without types', async t => {
  const folder = tempFolder(t, {
    'a.ts': "import type { B } from './b.ts'\nimport { c } from './c.ts'\nexport const a: B = c as B\n",
  })
  const script = await readScript(folder, 'a.js')
  assert.doesNotMatch(script, /\bB\b/)
  assert.match(script, /import \{ c \} from '\.\/c\.js'/)
  await assert.rejects(readScript(folder, 'b.js'), { code: 'ENOENT' })
})

async function startUi(t: TestContext) {
  const folder = tempFolder(t, {
    'index.html': '<!doctype html>',
    'main.ts': 'export const one: number = 1\n',
    'style.css': 'body {}',
    '.secret.css': 'body {}',
    'notes.md': 'not for everyone',
  })
  const app = Fastify()
  serveUi(app, reply => reply.code(404).send(), folder)
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  t.after(() => app.close())
  return (path: string, headers = {}) => send(Number(port), { path, headers })
}

test('the page is served with its types, and with a policy that runs only its own scripts', async t => {
  const ask = await startUi(t)
  for (const [path, type, text] of [
    ['/', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/?x=1', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/ui/style.css', 'text/css; charset=utf-8', 'body {}'],
    ['/ui/main.js', 'text/javascript; charset=utf-8', 'export const one         = 1\n'],
  ] as const) {
    const { status, headers, text: got } = await ask(path)
    assert.deepEqual([status, headers['content-type'], got], [200, type, text], path)
    const policy = String(headers['content-security-policy'])
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "trusted-types 'none'",
      "frame-ancestors 'none'",
    ]) {
      assert.ok(policy.includes(part), part)
    }
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cache-control'], 'no-cache')
    const again = await ask(path, { 'if-none-match': headers.etag })
    assert.deepEqual([again.status, again.text], [304, ''], path)
    assert.equal((await ask(path, { 'if-none-match': '"other"' })).status, 200, path)
  }
})

test('only files of the page are served', async t => {
  const ask = await startUi(t)
  for (const path of [
    '/ui/',
    '/ui',
    '/ui/main.ts',
    '/ui/notes.md',
    '/ui/.secret.css',
    '/ui/../package.json',
    '/ui/%2e%2e/package.json',
    '/ui/..%2fstyle.css',
    '/ui/x/../style.css',
    '/ui//style.css',
    '/ui/style.css/x.css',
    // Longer than the name of any file.
    `/ui/${'a'.repeat(300)}.css`,
    `/ui/${'a'.repeat(300)}.js`,
    '/ui/missing.js',
    '/ui/%00.css',
    '/ui/constructor.js',
    '/index.html',
  ]) {
    assert.equal((await ask(path)).status, 404, path)
  }
})

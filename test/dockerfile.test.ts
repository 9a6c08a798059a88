import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
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

test('the health check follows what the admin listener says', async t => {
  const command: string[] = JSON.parse(instructions('HEALTHCHECK')[0]!.replace(/^.*?CMD /, ''))
  assert.equal(command[0], 'node')
  let status = 200
  let last: IncomingMessage | undefined
  const server = createServer((request, response) => {
    last = request
    response.writeHead(status).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  async function check(env: Record<string, string> = {}): Promise<number> {
    const child = spawn(process.execPath, command.slice(1), {
      env: { WAYGATE_ADMIN_PORT: String(port), ...env },
      stdio: 'ignore',
    })
    return (await once(child, 'exit'))[0]
  }
  try {
    await t.test('healthy', async () => {
      assert.equal(await check(), 0)
      assert.equal(last?.url, '/healthz')
      assert.equal(last.headers.authorization, undefined)
    })
    await t.test('healthy, with a token', async () => {
      assert.equal(await check({ WAYGATE_ADMIN_TOKEN: 't0ken' }), 0)
      assert.equal(last?.headers.authorization, 'Bearer t0ken')
    })
    await t.test('unhealthy', async () => {
      status = 503
      assert.equal(await check(), 1)
    })
  } finally {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  await t.test('nobody listens', async () => assert.equal(await check(), 1))
})

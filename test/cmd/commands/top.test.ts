import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startFakeAdmin } from '../../support/fake-admin.ts'
import { until } from '../../support/until.ts'
import { runProgram, TESTED_PROGRAM } from '../../support/waygate.ts'

const FIGURES = {
  ...{ t: 1_796_003_495_000, total: [0, 0, 0, null, null], inFlight: 0, retries: 0 },
  ...{ routes: {}, services: {}, nodes: {} },
}

/** Runs `waygate top` on a terminal until the test is over, which closes the server as well. */
function startTop(t: Pick<TestContext, 'after'>, url: string, server: Server) {
  const command = `${process.execPath} --conditions=waygate-source ${TESTED_PROGRAM} top --admin ${url}`
  // It gives the command a terminal.
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, WAYGATE_ADMIN_TOKEN: 'x' },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  t.after(async () => {
    terminal.kill()
    server.closeAllConnections()
    server.close()
    if (terminal.exitCode === null && terminal.signalCode === null) await once(terminal, 'close')
  })
  return terminal
}

test('on a terminal, services that could not be read are read again', async t => {
  if (!existsSync('/dev/ptmx')) return t.skip('this machine has no terminals to give')
  let asked = 0
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/api/v1/live')) {
      const timer = setInterval(
        () => response.write(`event: figures\ndata: ${JSON.stringify(FIGURES)}\n\n`),
        50,
      )
      response.once('close', () => clearInterval(timer))
    } else if (asked++ < 2) {
      response.writeHead(200, { 'content-length': 100 }).write('{')
      setTimeout(() => response.destroy(), 50)
    } else response.end(JSON.stringify({ items: [{ name: 'user', nodes: 2, usable: 1, routes: [] }] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const terminal = startTop(t, url, server)
  let screen = ''
  terminal.stdout.on('data', data => {
    screen += data
  })
  await until('the service is shown', () => /user +1\/2 usable/.test(screen), { withinMs: 20_000 })
  assert.equal(terminal.exitCode, null)
  assert.ok(asked >= 3)
})

test('on a terminal, services of before a break are not shown as those of the gateway that is there after it', async t => {
  if (!existsSync('/dev/ptmx')) return t.skip('this machine has no terminals to give')
  let opened = 0
  const server = createServer((request, response) => {
    const text = (figures: object) => `event: figures\ndata: ${JSON.stringify(figures)}\n\n`
    if (!request.url?.startsWith('/api/v1/live')) {
      const name = opened === 1 ? 'before' : 'after'
      response.end(JSON.stringify({ items: [{ name, nodes: 1, usable: 1, routes: [] }] }))
    } else if (opened++ === 0) response.end(text(FIGURES) + text(FIGURES))
    else response.write(text({ ...FIGURES, inFlight: 7 }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const terminal = startTop(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server)
  let screen = ''
  terminal.stdout.on('data', data => {
    screen += data
  })
  const drawn = await until('it is drawn', () => /in flight 7.* 1\/1 usable/s.exec(screen)?.[0], {
    withinMs: 20_000,
  })
  assert.match(drawn, /after +1\/1 usable/)
})

test('rates of a gateway that has just started are those of the time that it has been there', async t => {
  const end = Date.UTC(2026, 10, 30, 12)
  const sample = { t: end, figures: [100, 0, 0, 1, 2] }
  const at = (page: object) => (_: unknown, response: ServerResponse) => {
    response.setHeader('date', new Date(end + 3_000).toUTCString()).end(JSON.stringify(page))
  }
  const { url } = await startFakeAdmin(t, {
    '/api/v1/services': at({ items: [{ name: 'user', nodes: 1, usable: 1, routes: [] }] }),
    '/api/v1/figures': at({ stepMs: 5_000, total: [sample], routes: {}, services: { user: [sample] } }),
    '/api/v1/status': at({ startedAt: new Date(end - 10_000).toISOString() }),
  })
  const { stdout, stderr } = await runProgram({ args: ['top', '--once', '--admin', url] })
  assert.equal(stderr, '10 requests/s   4xx 0 %   5xx 0 %   p50 1 ms   p99 2 ms   in the last 10 s\n\n')
  assert.match(stdout, /^user +1\/1 usable +10 /m)
})

test('rates are those of the time that the figures tell of, however long the list of services takes', async t => {
  const end = Date.UTC(2026, 10, 30, 12)
  let now = end + 1_000
  const answer = (response: ServerResponse, page: object) =>
    response.setHeader('date', new Date(now).toUTCString()).end(JSON.stringify(page))
  const { url } = await startFakeAdmin(t, {
    '/api/v1/services': (request, response) => {
      if (!request.url?.includes('from=')) return answer(response, { items: [], next: 'user' })
      now += 60_000
      return answer(response, { items: [{ name: 'user', nodes: 1, usable: 1, routes: [] }] })
    },
    '/api/v1/figures': (_, response) => {
      const last = { t: now - 1_000, figures: [600, 0, 0, 1, 2] }
      answer(response, { stepMs: 5_000, total: [last], routes: {}, services: { user: [last] } })
    },
    '/api/v1/status': (_, response) => answer(response, { startedAt: new Date(0).toISOString() }),
  })
  const { stderr } = await runProgram({ args: ['top', '--once', '--admin', url] })
  assert.match(stderr, /^10 requests\/s /)
})

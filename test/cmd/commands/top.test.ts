import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { until } from '../../support/until.ts'
import { TESTED_PROGRAM } from '../../support/waygate.ts'

const FIGURES = {
  ...{ t: 1_796_003_495_000, total: [0, 0, 0, null, null], inFlight: 0, retries: 0 },
  ...{ routes: {}, services: {}, nodes: {} },
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
  let screen = ''
  terminal.stdout.on('data', data => {
    screen += data
  })
  await until('the service is shown', () => /user +1\/2 usable/.test(screen), { withinMs: 20_000 })
  assert.equal(terminal.exitCode, null)
  assert.ok(asked >= 3)
})

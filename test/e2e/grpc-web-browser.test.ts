import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { tempFolder } from '../config/temp-folder.ts'
import { startTestGateway } from '../support/gateway.ts'
import { ECHO, echoPackage } from '../support/grpc-echo.ts'
import { startGrpcNode } from '../support/grpc-node.ts'
import { registerNaming } from '../support/naming.ts'
import { until } from '../support/until.ts'

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'].find(isInstalled)

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** What a script of a page saw of one call. */
interface Seen {
  readonly status: number
  readonly parts: readonly (readonly [flag: number, text: string])[]
  /** Whether the first message came before the last part. */
  readonly cameBitByBit: boolean
  readonly error?: string
}

/**
 * Runs in the browser. It calls with `fetch`, and with XMLHttpRequest as the library grpc-web does for text, and sends what
 * it saw back to the server of the page.
 */
const SCRIPT = `
const partsOf = bytes => {
  const parts = []
  const view = new DataView(bytes.buffer)
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = view.getUint32(at + 1)
    parts.push([bytes[at], String.fromCharCode(...bytes.subarray(at + 5, at + 5 + length))])
    at += 5 + length
  }
  return parts
}
const frame = base64 => {
  const message = Uint8Array.from(atob(base64), c => c.charCodeAt(0))
  const framed = new Uint8Array(5 + message.length)
  new DataView(framed.buffer).setUint32(1, message.length)
  framed.set(message, 5)
  return framed
}
async function byFetch(url, message) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' },
    body: frame(message),
  })
  const chunks = []
  let reads = 0
  const reader = response.body.getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    chunks.push(...read.value)
    reads++
  }
  return { status: response.status, parts: partsOf(Uint8Array.from(chunks)), cameBitByBit: reads > 1 }
}
function byRequest(url, message) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    let reads = 0
    request.open('POST', url)
    request.setRequestHeader('content-type', 'application/grpc-web-text')
    request.setRequestHeader('x-grpc-web', '1')
    request.onprogress = () => reads++
    request.onerror = () => reject(new Error('the request failed'))
    request.onload = () => {
      const groups = request.responseText.match(/.{4}/g) ?? []
      const bytes = groups.flatMap(group => Array.from(atob(group), c => c.charCodeAt(0)))
      resolve({ status: request.status, parts: partsOf(Uint8Array.from(bytes)), cameBitByBit: reads > 1 })
    }
    request.send(btoa(String.fromCharCode(...frame(message))))
  })
}
const { calls } = JSON.parse(document.getElementById('calls').textContent)
const seen = {}
for (const { name, url, message } of calls) {
  for (const [how, call] of [['fetch', byFetch], ['text', byRequest]]) {
    seen[name + ', ' + how] = await call(url, message).catch(error => ({ error: String(error) }))
  }
}
await fetch('/seen', { method: 'POST', body: JSON.stringify(seen) })
`

/** Opens a page with the calls in a browser, and resolves with what its script saw. */
async function browse(
  t: TestContext,
  page: (origin: string) => Promise<readonly { name: string; url: string; message: string }[]>,
): Promise<Record<string, Seen>> {
  const { promise, resolve } = Promise.withResolvers<Record<string, Seen>>()
  let html = ''
  const server = createServer((request, response) => {
    if (request.url !== '/seen') {
      response.setHeader('content-type', 'text/html').end(html)
      return
    }
    let body = ''
    request.on('data', piece => {
      body += piece
    })
    request.on('end', () => {
      response.end()
      resolve(JSON.parse(body))
    })
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const calls = JSON.stringify({ calls: await page(origin) })
  html = `<!doctype html><script id="calls" type="application/json">${calls}</script><script type="module">${SCRIPT}</script>`
  const browser = spawn(
    CHROMIUM!,
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
      ...[`--user-data-dir=${tempFolder(t, {})}`, origin],
    ],
    { stdio: 'ignore' },
  )
  try {
    return await promise
  } finally {
    browser.kill('SIGKILL')
    await once(browser, 'close')
  }
}

test('grpc-web-browser: a page of another origin makes calls', {
  skip: CHROMIUM === undefined && 'there is no Chromium',
}, async t => {
  const node = await startGrpcNode('n1')
  t.after(() => node.close())
  const seen = await browse(t, async origin => {
    const cors = { origins: [origin] }
    const gateway = await startTestGateway(t, {
      routes: {
        echo: { path: `/${ECHO}/*`, service: 'echo', cors, auth: 'none' },
        closed: { path: '/closed/*', service: 'echo', stripPrefix: '/closed', auth: 'none' },
        locked: { path: '/locked/*', service: 'echo', stripPrefix: '/locked', cors, auth: 'jwt' },
      },
      withKey: true,
    })
    await registerNaming(gateway.registry, 'echo', node.port)
    await until('the node is known', () => gateway.gateway.nodeCount() === 1)
    const { requestSerialize } = (
      echoPackage[ECHO] as Record<string, { requestSerialize(value: unknown): Buffer }>
    ).Unary!
    const base = `http://127.0.0.1:${gateway.port}`
    const call = (name: string, path: string, request: object) => ({
      name,
      url: `${base}${path}`,
      message: requestSerialize(request).toString('base64'),
    })
    return [
      call('unary', `/${ECHO}/Unary`, { text: 'hello' }),
      call('stream', `/${ECHO}/ServerStream`, { count: 3, delayMs: 100 }),
      call('failure', `/${ECHO}/Unary`, { fail: { code: 5, message: 'gone' } }),
      call('refusal', `/locked/${ECHO}/Unary`, {}),
      call('no leave', `/closed/${ECHO}/Unary`, {}),
    ]
  })
  for (const how of ['fetch', 'text']) {
    const of = (name: string) => seen[`${name}, ${how}`]!
    const trailersOf = ({ parts }: Seen) => parts.at(-1)!
    assert.equal(of('unary').status, 200, JSON.stringify(of('unary')))
    assert.deepEqual(
      of('unary').parts.map(([flag]) => flag),
      [0, 0x80],
    )
    assert.match(of('unary').parts[0]![1], /hello/)
    assert.match(trailersOf(of('unary'))[1], /^grpc-status: 0\r\n/)
    assert.deepEqual(
      of('stream').parts.map(([flag]) => flag),
      [0, 0, 0, 0x80],
    )
    assert.ok(of('stream').cameBitByBit)
    assert.match(trailersOf(of('failure'))[1], /grpc-status: 5\r\n(?:.*\r\n)*?grpc-message: gone\r\n/)
    assert.match(trailersOf(of('refusal'))[1], /grpc-status: 16\r\n/)
    assert.equal(of('no leave').status, undefined)
    assert.notEqual(of('no leave').error, undefined)
  }
})

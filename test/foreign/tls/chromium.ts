import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Handler } from '../../support/service.ts'
import { openFolder, run } from './command-line.ts'
import type { Operation, Target } from './target.ts'

/** What a page does, and writes into itself once it is done. */
const SCRIPT = `
  const text = async (path, options) => (await fetch(path, options)).text()
  const events = () => new Promise((resolve, reject) => {
    const seen = []
    const source = new EventSource('/echo/events')
    source.onmessage = ({ data }) => { if (seen.push(data) === 3) { source.close(); resolve(seen.join()) } }
    source.onerror = reject
  })
  const operations = {
    get: () => text('/echo/x'),
    post: () => text('/echo/x', { method: 'POST', body: 'sent' }),
    twice: async () => await text('/echo/x') + await text('/echo/x2'),
    events,
  }
  const write = what => document.body.append('done: ' + what)
  const { nextHopProtocol } = performance.getEntriesByType('navigation')[0]
  operations[location.hash.slice(1)]().then(found => write(found + ' over ' + nextHopProtocol), write)`
const PAGE = `<!doctype html><link rel="icon" href="data:,"><body><script>${SCRIPT}</script>`

/** Adds the page of the browser to a node. */
export function withPage(handler: Handler): Handler {
  return (request, response) => {
    if (request.url !== '/page') return handler(request, response)
    request.resume()
    response.setHeader('content-type', 'text/html')
    response.end(PAGE)
  }
}

/** Opens the page in Chromium, which trusts the authority by the database of its user. */
export async function runChromium(operation: Operation, { url, ca }: Target): Promise<void> {
  await using files = await openFolder()
  const home = files.folder
  const database = join(home, '.pki/nssdb')
  await mkdir(database, { recursive: true })
  await run(['certutil', '-d', `sql:${database}`, '-N', '--empty-password'])
  await run(['certutil', '-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'test', '-i', ca])
  const { stdout } = await run(
    [
      ...['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
      ...[`--user-data-dir=${join(home, 'profile')}`, '--timeout=60000', '--virtual-time-budget=20000'],
      ...['--dump-dom', `${url}/echo/page#${operation}`],
    ],
    { env: { HOME: home } },
  )
  const wanted = { get: 'hello', post: 'sent', twice: 'hellohello', again: '', events: '1,2,3' }[operation]
  assert.match(stdout, new RegExp(`done: ${wanted} over h2`), stdout.slice(-300))
}

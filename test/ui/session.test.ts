import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { Api } from '../../ui/api.ts'
import type { Session } from '../../ui/session.ts'
import { openPage, requireBrowser } from '../support/browser.ts'
import { startGatewayHere } from '../support/gateway-here.ts'

const TOKEN = 'a-token-of-tests-with=and%in-it'

test('a token in the fragment signs in and is gone from address and history; a second tab is signed in by the first', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere({ ready: false, env: { WAYGATE_ADMIN_TOKEN: TOKEN } })
  const { page, newTab } = await openPage(t)
  const seen: string[] = []
  page.on('request', request => seen.push(request.url()))
  await page.goto(`${gateway.admin}/#token=${encodeURIComponent(TOKEN)}`)
  await page.locator('.state.good').waitFor()
  assert.ok(!page.url().includes('token'), page.url())
  assert.equal(await page.evaluate(() => history.length), 2, 'the first page and this one')
  await page.goBack()
  await page.goForward()
  await page.locator('.state.good').waitFor()
  assert.ok(!page.url().includes('token'), page.url())
  assert.deepEqual(
    seen.filter(url => url.includes(encodeURIComponent(TOKEN)) && !url.includes('#')),
    [],
  )
  const stored = await page.evaluate(() => [document.cookie, JSON.stringify({ ...localStorage })])
  assert.deepEqual(stored, ['', '{}'])

  const second = await newTab()
  await second.goto(`${gateway.admin}/#/source`)
  await second.locator('.state.good').waitFor()
  await second.locator('main h1', { hasText: 'Source' }).waitFor()
})

test('without a token the page asks for one, and says when it is wrong', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere({ ready: false, env: { WAYGATE_ADMIN_TOKEN: TOKEN } })
  const { page } = await openPage(t)
  await page.goto(`${gateway.admin}/#/routes`)
  await page.getByLabel('Admin token').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('does not accept this token').waitFor()
  await page.getByLabel('Admin token').fill(TOKEN)
  await page.keyboard.press('Enter')
  await page.locator('main h1', { hasText: 'Routes' }).waitFor()
})

test('a link whose token cannot be read leads to the page that asks for one', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere({ ready: false, env: { WAYGATE_ADMIN_TOKEN: TOKEN } })
  const { page } = await openPage(t)
  await page.goto(`${gateway.admin}/#token=%`)
  await page.getByLabel('Admin token').fill(TOKEN)
  await page.keyboard.press('Enter')
  await page.locator('.state.good').waitFor()
})

test('a late refusal of the token before does not sign out', async t => {
  const refused = Promise.withResolvers<Response>()
  t.mock.method(globalThis, 'fetch', () => refused.promise)
  let signedOut = 0
  const session = { token: 'before', forget: (token: string | null) => token === session.token }
  const api = new Api(session as unknown as Session, () => signedOut++)
  const asked = api.get('status')
  session.token = 'new'
  refused.resolve(new Response('{}', { status: 401 }))
  await assert.rejects(asked, { status: 401 })
  assert.equal(signedOut, 0)
})

test('what is loaded with a token ends when there is another one', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere({ ready: false, env: { WAYGATE_ADMIN_TOKEN: TOKEN } })
  const { page } = await openPage(t)
  const held = Promise.withResolvers<void>()
  await page.route('**/api/v1/**', async route => {
    const headers = route.request().headers()
    if (headers.authorization === 'Bearer new')
      await route.continue({ headers: { ...headers, authorization: `Bearer ${TOKEN}` } })
    else if (route.request().url().endsWith('/status')) held.resolve()
    else await route.continue()
  })
  const ended = page.waitForEvent('requestfailed', request => request.url().endsWith('/status'))
  await page.goto(`${gateway.admin}/#token=${encodeURIComponent(TOKEN)}`)
  await held.promise
  await page.evaluate(() => {
    location.hash = '#token=new'
  })
  await ended
  await page.locator('.gateway', { hasText: /./ }).waitFor()
})

test('a token that was refused is not taken again from a tab that has not noticed', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere({ ready: false, env: { WAYGATE_ADMIN_TOKEN: TOKEN } })
  const { page, newTab } = await openPage(t)
  await page.goto(`${gateway.admin}/#token=${encodeURIComponent(TOKEN)}`)
  await page.locator('.state.good').waitFor()
  const second = await newTab()
  let refusals = 0
  await second.route('**/api/v1/**', async route => {
    const headers = route.request().headers()
    if (headers.authorization === `Bearer ${TOKEN}`) {
      refusals++
      await route.fulfill({ status: 401, json: {} })
    } else if (headers.authorization === 'Bearer new')
      await route.continue({ headers: { ...headers, authorization: `Bearer ${TOKEN}` } })
    else await route.continue()
  })
  await second.goto(`${gateway.admin}/#/source`)
  await second.getByLabel('Admin token').fill('new')
  await second.keyboard.press('Enter')
  await second.locator('.state.good').waitFor()
  assert.equal(refusals, 1)
})

test('a page that is signed out asks nothing more', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere({ ready: false, env: { WAYGATE_ADMIN_TOKEN: TOKEN } })
  const { page } = await openPage(t)
  await page.clock.install()
  await page.goto(`${gateway.admin}/#token=${encodeURIComponent(TOKEN)}`)
  await page.locator('.state.good').waitFor()
  await page.route('**/api/v1/**', route => route.fulfill({ status: 401, json: {} }))
  await page.getByLabel('Admin token').waitFor()
  const asked: string[] = []
  page.on('request', request => asked.push(request.url()))
  await page.clock.runFor(20_000)
  assert.deepEqual(asked, [])
})

test('at another name that leads to the same machine there is no page, and 421 for everything it could ask', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  const { port } = new URL(gateway.admin)
  for (const path of ['/', '/ui/main.js', '/api/v1/status', '/api/v1/live?figures=1', '/routes']) {
    const response = await page.goto(`http://rebound.test:${port}${path}`)
    assert.equal(response?.status(), 421, path)
    assert.match(await response.text(), /admin\.hosts/)
  }
})

test('a page behind a prefix works, since all of its paths are relative', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { createServer } = await import('node:http')
  const passOn = async (path: string, response: ServerResponse) => {
    const answer = await fetch(`${gateway.admin}${path}`, { signal: AbortSignal.timeout(60_000) })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    for await (const piece of answer.body ?? []) response.write(piece)
    response.end()
  }
  const front = createServer((request, response) => {
    // The gateway goes first, while the page still asks.
    passOn(request.url!.replace('/ops/gw', ''), response).catch(() => response.destroy())
  })
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    front.closeAllConnections()
    front.close()
  })
  const { port } = front.address() as { readonly port: number }
  const { page } = await openPage(t)
  await page.goto(`http://127.0.0.1:${port}/ops/gw/#/source`)
  await page.locator('.state.good').waitFor()
  await page.reload()
  await page.locator('main h1', { hasText: 'Source' }).waitFor()
})

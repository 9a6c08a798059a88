import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page, Route } from 'playwright-core'
import { openPage, requireBrowser } from '../support/browser.ts'
import { putPolicySet, startTestGateway } from '../support/gateway.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { until } from '../support/until.ts'

/** Hides the tab and shows it again, which opens the stream anew. */
function hideAndShow(page: Page): Promise<void> {
  return page.evaluate(() => {
    for (const value of [true, false]) {
      Object.defineProperty(document, 'hidden', { value, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }
  })
}

/** Resolves when the page was drawn again: the status is asked for every 2 s, and each answer draws it. */
async function untilDrawn(page: Page): Promise<void> {
  for (let i = 0; i < 2; i++) await page.waitForResponse('**/api/v1/status')
}

test('changes that are loaded late do not take the place of those that were loaded after them', async t => {
  if (!requireBrowser(t)) return
  const gateway = await startTestGateway(t, {})
  const { page } = await openPage(t)
  const held = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  let asked = 0
  await page.route('**/api/v1/changes?*', async route => {
    if (asked++ > 0) return route.continue()
    const answer = await route.fetch()
    held.resolve()
    await release.promise
    await route.fulfill({ response: answer }).catch(() => {})
    over.resolve()
  })
  await page.goto(`http://127.0.0.1:${gateway.adminPort}/#/changes`)
  await held.promise
  // While the stream is away.
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  putPolicySet(gateway.registry, 'kept', {})
  await hideAndShow(page)
  const change = page.locator('.changes li', { hasText: 'kept' })
  await change.waitFor()
  release.resolve()
  await over.promise
  await untilDrawn(page)
  assert.equal(await change.count(), 1)
})

test('nothing is said of changes that are not loaded, or cannot be', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  const release = Promise.withResolvers<void>()
  await page.route('**/api/v1/changes?*', async route => {
    await release.promise
    await route.fulfill({ status: 500, json: { detail: 'out of order' } })
  })
  await page.goto(`${gateway.admin}/#/changes`)
  await page.locator('.state.good').waitFor()
  await page.locator('main .empty', { hasText: 'Loading' }).waitFor()
  release.resolve()
  await page.locator('main .empty', { hasText: 'out of order' }).waitFor()
})

test('before the table is there, nothing is said of what is in it', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  await page.route('**/api/v1/live?*', route => route.abort())
  await page.goto(`${gateway.admin}/#/overview`)
  await page.locator('.state', { hasText: 'disconnected' }).waitFor()
  assert.equal(await page.getByText('Nothing needs attention').count(), 0)
  assert.equal(await page.getByText('No service is registered').count(), 0)
  assert.deepEqual(
    (await page.locator('.tiles dd').allTextContents()).filter(text => text !== '–'),
    [],
  )
  for (const [view, text] of [
    ['routes', 'There are no routes'],
    ['services', 'No service is registered'],
  ] as const) {
    await page.goto(`${gateway.admin}/#/${view}`)
    await page.locator('main .empty', { hasText: 'Loading' }).waitFor()
    assert.equal(await page.getByText(text).count(), 0)
  }
})

test('requests of another filter are not shown while those that fit are loaded, nor when they cannot be', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  let held: Route | undefined
  const isHeld = Promise.withResolvers<void>()
  await page.route('**/api/v1/requests?*', async route => {
    if (!route.request().url().includes('new')) return route.continue()
    held = route
    isHeld.resolve()
  })
  await page.goto(`${gateway.admin}/#/requests`)
  await page.locator('.state.good').waitFor()
  await fetch(`${gateway.url}/old`)
  const rows = page.locator('main tbody')
  await rows.getByText('/old').waitFor()
  await page.locator('main').getByRole('searchbox').fill('path:/new')
  await isHeld.promise
  await page.locator('main .empty', { hasText: 'Loading' }).waitFor()
  assert.equal(await rows.getByText('/old').count(), 0)
  await held!.fulfill({ status: 500, json: { detail: 'out of order' } })
  await page.getByText('out of order').waitFor()
  assert.equal(await rows.getByText('/old').count(), 0)
  await page.locator('.state.good').waitFor()
  await fetch(`${gateway.url}/new`)
  await rows.getByText('/new').waitFor()
  assert.equal(await rows.getByText('/old').count(), 0)
})

test('requests that ended while the list was held and the stream was away are shown when it goes on', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  await page.goto(`${gateway.admin}/#/requests`)
  await page.locator('.state.good').waitFor()
  await fetch(`${gateway.url}/before`)
  const rows = page.locator('main tbody')
  await rows.getByText('/before').waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await fetch(`${gateway.url}/meanwhile`)
  const loaded = page.waitForResponse('**/api/v1/requests?*')
  await hideAndShow(page)
  await loaded
  await untilDrawn(page)
  assert.equal(await rows.getByText('/meanwhile').count(), 0)
  await page.getByRole('button', { name: 'Paused' }).click()
  await rows.getByText('/meanwhile').waitFor()
  assert.equal(await rows.getByText('/before').count(), 1)
})

test('of two answers to the same question that of the later one is shown, whichever comes first', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  const asked: Route[] = []
  await page.route('**/api/v1/in-flight?*', route => void asked.push(route))
  await page.goto(`${gateway.admin}/#/requests`)
  const answer = (route: Route | undefined, path: string) =>
    route!.fulfill({ json: { items: [{ requestId: path, method: 'GET', path, ms: 2_000, attempts: 1 }] } })
  await until('it is asked twice', () => asked.length > 1)
  await answer(asked[1], '/later')
  const list = page.locator('.attention li')
  await list.getByText('/later').waitFor()
  await answer(asked[0], '/earlier')
  await untilDrawn(page)
  assert.equal(await list.getByText('/later').count(), 1)
})

test('a filter of requests that cannot be read leaves the stream open', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  await page.goto(`${gateway.admin}/#/requests?filter=colour:red`)
  await page.locator('#filter-error', { hasText: 'there is no field "colour"' }).waitFor()
  await page.locator('.state.good').waitFor()
})

test('the answer to a question goes with it when another link is followed', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  await page.goto(`${gateway.admin}/#/explain?url=/first`)
  await page.locator('.verdict').waitFor()
  await page.getByLabel('URL').fill('/typed')
  await page.getByRole('link', { name: 'Explain', exact: true }).click()
  await page.getByText('Nothing is sent to a node').waitFor()
  assert.equal(await page.locator('.verdict').count(), 0)
  assert.equal(await page.getByLabel('URL').inputValue(), '')
  const asked = page.waitForRequest('**/api/v1/explain')
  await page.goBack()
  assert.equal((await asked).postDataJSON().url, '/first')
  await page.locator('.verdict').waitFor()
  assert.equal(await page.getByLabel('URL').inputValue(), '/first')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPage, requireBrowser } from '../support/browser.ts'
import { startScene } from '../support/dashboard-scene.ts'
import { requireEtcd } from '../support/etcd.ts'
import { putPolicySet, startTestGateway } from '../support/gateway.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

test('a node that is killed is shown as failing within two seconds', async t => {
  if (!requireEtcd(t) || !requireBrowser(t)) return
  await using scene = await startScene({
    services: { user: { nodes: 3, ms: 1 } },
    routes: {},
    traffic: [{ path: '/user/1', perSecond: 60 }],
  })
  const { page, complaints } = await openPage(t)
  await page.goto(`${scene.gateway.admin}/#/services/user`)
  const row = (id: string) => page.locator('main tbody tr', { hasText: id })
  for (const id of ['n1', 'n2', 'n3'])
    await until(`requests of ${id} are counted`, async () => !(await row(id).textContent())?.includes('–'))
  // The least of two: other programs on the machine may take the time of the browser.
  let leastMs = Number.POSITIVE_INFINITY
  for (const id of ['n1', 'n2']) {
    const begunAt = performance.now()
    await scene.nodes.get(`user/${id}`)!.service.close()
    await page.locator('main tbody tr.is-bad', { hasText: id }).waitFor({ timeout: 30_000 })
    leastMs = Math.min(leastMs, performance.now() - begunAt)
  }
  assert.ok(leastMs < 2_000, `${Math.round(leastMs)} ms`)
  await page.keyboard.press('g')
  await page.keyboard.press('o')
  await page.locator('.attention li.bad', { hasText: 'user/n2' }).waitFor()
  // The region is polite, and tells of new lines alone.
  assert.match(
    (await page.locator('[aria-live=polite]').first().textContent()) ?? '',
    /user\/n2: (down|breaker open|all tries fail)/,
  )
  assert.deepEqual(complaints, [])
})

test('a stream that is cut is said, and comes back by itself; it is closed while the page is hidden', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  await using proxy = await startTcpProxy(Number(new URL(gateway.admin).port))
  const { page } = await openPage(t)
  await page.goto(`${proxy.url}/#/overview`)
  const state = page.locator('.state')
  const live = page.locator('.state.good')
  await live.waitFor()
  proxy.cut('rst')
  await state.getByText('disconnected').waitFor()
  await state.getByText('cannot be reached').waitFor()
  proxy.mend()
  await live.waitFor()

  const connections = () => fetch(`${gateway.admin}/api/v1/status`).then(() => proxy.accepted)
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await state.getByText('paused').waitFor()
  const before = await connections()
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: false, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await live.waitFor()
  assert.ok((await connections()) >= before)
})

test('requests that ended while the stream was away are shown when it is back', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  await using proxy = await startTcpProxy(Number(new URL(gateway.admin).port))
  const { page } = await openPage(t)
  await page.goto(`${proxy.url}/#/requests`)
  await page.locator('.state.good').waitFor()
  await fetch(`${gateway.url}/before`)
  await page.locator('main tbody').getByText('/before').waitFor()
  proxy.cut('rst')
  await page.locator('.state').getByText('disconnected').waitFor()
  await fetch(`${gateway.url}/meanwhile`)
  proxy.mend()
  await page.locator('main tbody').getByText('/meanwhile').waitFor()
  assert.equal(await page.locator('main tbody').getByText('/before').count(), 1)
})

test('a page that was opened in a hidden tab is loaded when the tab is looked at', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  await page.addInitScript(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true })
  })
  await page.goto(`${gateway.admin}/#/requests/unknown`)
  await page.getByText('Loading').waitFor()
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: false, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await page.locator('.empty.bad').waitFor()
})

test('what was loaded of problems does not take the place of what the stream has brought since', async t => {
  if (!requireBrowser(t)) return
  const gateway = await startTestGateway(t, {})
  const { page } = await openPage(t)
  const brought = Promise.withResolvers<void>()
  await page.route('**/api/v1/problems', async route => {
    await brought.promise
    await route.fulfill({ json: { items: [] } })
  })
  await page.goto(`http://127.0.0.1:${gateway.adminPort}/#/source`)
  await page.locator('.state.good').waitFor()
  putPolicySet(gateway.registry, 'odd', { odd: true })
  const problem = page.locator('.problem-list li')
  await problem.waitFor()
  brought.resolve()
  // The page is drawn again by then.
  for (let i = 0; i < 2; i++) await page.waitForResponse('**/api/v1/status')
  assert.equal(await problem.count(), 1)
})

test('of two questions the last one is answered, whichever answer comes first', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  const released = Promise.withResolvers<void>()
  await page.route('**/api/v1/explain', async route => {
    const { url } = route.request().postDataJSON() as { readonly url: string }
    const answer = await route.fetch()
    if (url === '/first') await released.promise
    await route.fulfill({ json: { ...(await answer.json()), revision: url } })
  })
  const over = new Promise<void>(resolve => {
    const note = (request: { postData(): string | null }) => {
      if (request.postData()?.includes('/first')) resolve()
    }
    page.on('requestfinished', note)
    page.on('requestfailed', note)
  })
  await page.goto(`${gateway.admin}/#/explain?url=/first`)
  await page.getByLabel('URL').fill('/second')
  await page.getByRole('button', { name: 'Explain', exact: true }).click()
  const verdict = page.locator('.verdict')
  await verdict.getByText('revision /second').waitFor()
  released.resolve()
  await over
  // The page is drawn twice meanwhile.
  for (let n = 0; n < 2; n++) await page.waitForResponse('**/api/v1/status')
  assert.match((await verdict.textContent()) ?? '', /revision \/second/)
})

test('what cannot be asked is said, and what was answered before is gone', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  await page.goto(`${gateway.admin}/#/explain?url=/first`)
  const verdict = page.locator('.verdict')
  const submit = page.getByRole('button', { name: 'Explain', exact: true })
  await verdict.waitFor()
  await page.getByText('Headers, client, claims').click()
  await page.getByLabel('Claims').fill('{')
  await submit.click()
  await page.locator('.note.bad', { hasText: 'claims: ' }).waitFor()
  assert.equal(await verdict.count(), 0)
  await page.getByLabel('Claims').fill('')
  await submit.click()
  await verdict.waitFor()
  await page.getByLabel('Headers, one a line').fill('x-a: 1\nx-b 2')
  await submit.click()
  await page.locator('.note.bad', { hasText: 'must be NAME: VALUE, not "x-b 2"' }).waitFor()
  assert.equal(await verdict.count(), 0)
})

test('the title names the gateway as soon as its name is known', async t => {
  if (!requireBrowser(t)) return
  await using gateway = await startGatewayHere()
  const { page } = await openPage(t)
  const isDrawn = Promise.withResolvers<void>()
  await page.route('**/api/v1/status', async route => {
    await isDrawn.promise
    await route.continue()
  })
  await page.goto(`${gateway.admin}/#/routes`)
  await page.locator('main h1').waitFor()
  isDrawn.resolve()
  const name = await page.locator('header .gateway', { hasText: /./ }).textContent()
  await page.waitForFunction(title => document.title === title, `Routes · ${name}`)
})

test('an etcd that is away is said as stale, with the reason, and the last table stays', async t => {
  if (!requireEtcd(t) || !requireBrowser(t)) return
  const { startEtcd } = await import('../support/etcd.ts')
  await using etcd = await startEtcd()
  await using gateway = await startGatewayHere({ etcd: etcd.url })
  const { page } = await openPage(t)
  await page.goto(`${gateway.admin}/#/overview`)
  const state = page.locator('.state')
  const live = page.locator('.state.good')
  await live.waitFor()
  await etcd.kill('SIGKILL')
  await state.getByText('stale').waitFor()
  await page.locator('.attention li.bad', { hasText: 'etcd' }).waitFor()
  await etcd.restart()
  await live.waitFor()
})

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { openPage, requireBrowser } from '../support/browser.ts'
import { type Scene, startScene } from '../support/dashboard-scene.ts'
import { etcdAvailable, requireEtcd } from '../support/etcd.ts'
import { sendRaw } from '../support/http.ts'
import { until } from '../support/until.ts'
import { axeFindings } from './axe.ts'

const MARKUP = '<img src=x onerror=alert(1)>'

let scene: Scene | undefined

before(async () => {
  if (!etcdAvailable) return
  scene = await startScene({
    services: { user: { nodes: 3, ms: 2 }, orders: { nodes: 2, ms: 4 } },
    routes: {
      users: { path: '/user/*', service: 'user', auth: 'none', retries: 2 },
      'user-login': { path: '/user/login', methods: ['POST'], service: 'user', auth: 'none' },
      orders: {
        path: '/api/orders/*',
        hosts: ['*.example.com', '127.0.0.1'],
        service: 'orders',
        auth: 'none',
      },
      late: { path: '/late/*', service: 'lat', auth: 'none' },
    },
    traffic: [
      { path: '/user/42', perSecond: 10 },
      { path: '/api/orders/7', perSecond: 5 },
      { path: '/user/missing', perSecond: 1 },
      { path: '/nothing/here', perSecond: 1 },
    ],
  })
  await scene.put('/waygate/routes/broken', '{"path": 3}')
  await scene.put('/waygate/routes/orders', {
    path: '/api/orders/*',
    service: 'orders',
    auth: 'none',
    timeoutMs: 5_000,
  })
})

after(() => scene?.[Symbol.asyncDispose]())

/** Opens the page of the scene at a view, and waits for its figures. */
async function openView(
  t: Parameters<typeof requireBrowser>[0],
  hash: string,
  options: Parameters<typeof openPage>[1] = {},
) {
  const { gateway } = scene!
  const opened = await openPage(t, options)
  await opened.page.goto(`${gateway.admin}/${hash}`)
  await opened.page.locator('.state.good').waitFor()
  return opened
}

function canRun(t: Parameters<typeof requireBrowser>[0]): boolean {
  return requireEtcd(t) && requireBrowser(t)
}

/** Goes to a view as a link does, without loading the page again. */
async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate(to => {
    location.hash = to
  }, hash)
  await page.locator('main h1').first().waitFor()
}

/** Opens a view by its keys, again when the machine was too busy for the second to come in time. */
async function pressUntil(page: Page, keys: readonly string[], title: string): Promise<void> {
  await until(`the view ${title}`, async () => {
    for (const key of keys) await page.keyboard.press(key)
    const heading = page.locator('main h1', { hasText: title })
    return heading.waitFor({ state: 'attached', timeout: 2_000 }).then(
      () => true,
      () => false,
    )
  })
}

/** Each view, and something that is on it when it is complete. */
async function allViews(): Promise<readonly (readonly [hash: string, sign: string])[]> {
  const { gateway } = scene!
  const { items } = (await (await fetch(`${gateway.admin}/api/v1/requests?limit=1`)).json()) as {
    readonly items: readonly { readonly requestId: string }[]
  }
  return [
    ['#/overview', 'main table tbody tr'],
    ['#/routes', 'main table tbody tr'],
    ['#/routes/orders', '.canvas canvas'],
    ['#/services', 'main table tbody tr'],
    ['#/services/user/n1', '.panel .facts'],
    ['#/requests', 'main table tbody tr'],
    [`#/requests/${items[0]!.requestId}`, '.waterfall'],
    ['#/explain?method=GET&url=/user/42', '.steps'],
    ['#/changes', '.changes li'],
    ['#/source', '.problem-list li'],
  ]
}

for (const [colorScheme, width] of [
  ['light', 1280],
  ['dark', 360],
] as const) {
  test(`every view, ${colorScheme} and ${width} pixels wide, has nothing that axe or the console complains about`, async t => {
    if (!canRun(t)) return
    const { page, complaints } = await openView(t, '#/overview', {
      colorScheme,
      viewport: { width, height: 800 },
    })
    for (const [hash, sign] of await allViews()) {
      await goTo(page, hash)
      await page.locator(sign).first().waitFor()
      assert.deepEqual(await axeFindings(page), [], hash)
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(beyond <= 0, `${hash} is ${beyond} pixels too wide`)
    }
    await page.keyboard.press('?')
    await page.locator('dialog').waitFor()
    assert.deepEqual(await axeFindings(page), [], 'help')
    assert.deepEqual(complaints, [])
  })
}

test('all views are reached by keys, and rows by j, k and Enter', async t => {
  if (!canRun(t)) return
  const { page } = await openView(t, '#/overview')
  for (const [key, title] of Object.entries({
    r: 'Routes',
    s: 'Services',
    q: 'Requests',
    e: 'Explain',
    c: 'Changes',
    u: 'Source',
    o: 'Overview',
  })) {
    await pressUntil(page, ['g', key], title)
  }
  await pressUntil(page, ['g', 'r'], 'Routes')
  await page.locator('main tbody tr').nth(3).waitFor()
  const focused = () => page.evaluate(() => document.activeElement?.textContent)
  await page.keyboard.press('j')
  const first = await focused()
  await page.keyboard.press('j')
  const second = await focused()
  assert.notEqual(second, first)
  await page.keyboard.press('k')
  assert.equal(await focused(), first)
  // Two seconds of figures, which must not take the focus away.
  const before = await page.locator('.state small').textContent()
  await until(
    'the figures have changed',
    async () => (await page.locator('.state small').textContent()) !== before,
  )
  assert.equal(await focused(), first)
  await page.keyboard.press('Enter')
  await page.locator('.charts').waitFor()
  await pressUntil(page, ['g', 'r'], 'Routes')
  await page.keyboard.press('/')
  await page.keyboard.type('service:orders')
  await page.locator('main .count', { hasText: '1 of' }).waitFor()
  assert.match(page.url(), /filter=service%3Aorders/)
})

test('a filter and an order are kept in the address, and a filter that cannot be read says why', async t => {
  if (!canRun(t)) return
  const { page } = await openView(t, '#/routes?filter=auth%3Anone+-service%3Aorders&sort=path')
  await page.locator('main .count', { hasText: 'of' }).waitFor()
  const paths = await page.locator('main tbody code').allTextContents()
  assert.deepEqual(paths, [...paths].sort())
  assert.ok(!paths.includes('/api/orders/*'))
  await page.reload()
  await page.locator('main tbody tr').first().waitFor()
  assert.deepEqual(await page.locator('main tbody code').allTextContents(), paths)
  await page.locator('main').getByRole('searchbox').fill('colour:red')
  await page.getByText('there is no field "colour"').waitFor()
})

test('rows without a figure come last, whichever way the others are sorted', async t => {
  if (!canRun(t)) return
  const { page } = await openView(t, '#/routes')
  const figures = () =>
    page.evaluate(() => {
      const heads = [...document.querySelectorAll('main thead th')]
      const index = heads.findIndex(({ textContent }) => textContent?.includes('p99'))
      return [...document.querySelectorAll('main tbody tr')].map(row => row.children[index]?.textContent)
    })
  await until('there are figures', async () => (await figures()).some(each => each?.endsWith('ms')))
  for (const [sort, direction] of [
    ['p99', 'descending'],
    ['-p99', 'ascending'],
  ]) {
    await goTo(page, `#/routes?sort=${sort}`)
    await page.locator(`main thead th[aria-sort=${direction}]`, { hasText: 'p99' }).waitFor()
    const shown = await figures()
    const firstAbsent = shown.indexOf('–')
    assert.ok(firstAbsent > 0 && !shown.slice(firstAbsent).some(each => each !== '–'), `${shown}`)
  }
})

test('markup in the names of nodes, in their metadata and in paths is shown as text', async t => {
  if (!canRun(t)) return
  const { put, gateway } = scene!
  await put('/services/user/marked', { ip: '127.0.0.1', port: 9, weight: 0, metadata: { note: MARKUP } })
  await put(`/services/user/${MARKUP}`, { ip: '127.0.0.1', port: 9 })
  await put('/waygate/routes/marked', {
    path: '/marked/*',
    service: 'user',
    auth: 'none',
    description: MARKUP,
  })
  // A client may send the signs as they are, or encoded.
  for (const path of [MARKUP.replaceAll(' ', ''), encodeURI(MARKUP)]) {
    await sendRaw(gateway.port, `GET /nothing/${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
  }
  const { page, complaints } = await openView(t, '#/services/user/marked')
  await page.locator('.panel .facts', { hasText: MARKUP }).waitFor()
  for (const [hash, text] of [
    ['#/routes/marked', MARKUP],
    ['#/requests?filter=path%3A*img*', 'img'],
    ['#/changes', 'marked'],
    ['#/source', MARKUP],
    ['#/overview', MARKUP],
  ] as const) {
    await goTo(page, hash)
    await page.locator('main').getByText(text).first().waitFor({ state: 'attached' })
  }
  assert.equal(await page.locator('img').count(), 0)
  assert.deepEqual(complaints, [])
})

test('a request is found by its id, with its tries and with what would happen to it now', async t => {
  if (!canRun(t)) return
  const { gateway } = scene!
  const answer = await fetch(`${gateway.url}/usr/42`)
  const id = answer.headers.get('x-request-id') ?? ''
  assert.equal(answer.status, 404)
  const { page } = await openView(t, '#/overview')
  await page.getByRole('searchbox').fill(id)
  await page.keyboard.press('Enter')
  await page.locator('main h1', { hasText: '/usr/42' }).waitFor()
  await page.getByText('The gateway would answer 404').waitFor()
  assert.equal(await page.locator('.waterfall [role=row]').count(), 2)
})

test('the page is one with little to load: all of it takes less than 120 KB, compressed', async () => {
  const { buildUi } = await import('../../scripts/ui.ts')
  const { mkdtemp, readdir, readFile, rm } = await import('node:fs/promises')
  const { gzipSync } = await import('node:zlib')
  const folder = await mkdtemp('/tmp/waygate-ui-')
  try {
    await buildUi(folder)
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter(file =>
      file.isFile(),
    )
    const sizes = await Promise.all(
      files
        .filter(({ name }) => !name.endsWith('.txt'))
        .map(async file => gzipSync(await readFile(`${file.parentPath}/${file.name}`)).length),
    )
    const total = sizes.reduce((sum, size) => sum + size, 0)
    assert.ok(total > 40_000, `${total} bytes are too few to be all of it`)
    assert.ok(total < 120 * 1024, `${total} bytes`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

/**
 * Makes the pictures of the dashboard in `docs/images/`, in Chromium, of a gateway with an etcd, services and traffic. Takes
 * eleven minutes, since the page shows ten. Run with `npm run docs:pictures`.
 *
 * The option `--minutes 1` makes them sooner, for looking at changes of the page; `--into FOLDER` puts them elsewhere, as PNG.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { openPage } from '../test/support/browser.ts'
import { type Scene, startScene } from '../test/support/dashboard-scene.ts'
import { runLoad } from '../test/support/load.ts'
import { until } from '../test/support/until.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, into: { type: 'string' } },
})
const minuteMs = (Number(values.minutes) / 10) * 60_000
const folder = values.into ?? join(import.meta.dirname, '../docs/images')
const format = values.into === undefined ? 'webp' : 'png'

const SERVICES = {
  catalog: { nodes: 4, ms: 5 },
  images: { nodes: 2, ms: 3 },
  orders: { nodes: 3, ms: 9 },
  payments: { nodes: 2, ms: 24 },
  search: { nodes: 2, ms: 14 },
  task: { nodes: 2, ms: 3 },
  user: { nodes: 3, ms: 4 },
}

const ORDERS = { path: '/api/orders/*', service: 'orders', auth: 'none', timeoutMs: 10_000 }
const ROUTES = {
  catalog: { path: '/api/catalog/*', service: 'catalog', auth: 'none' },
  'catalog-images': { path: '/img/*', service: 'images', auth: 'none' },
  orders: ORDERS,
  'orders-create': { path: '/api/orders', methods: ['POST'], service: 'orders', auth: 'none', retries: 0 },
  payments: { path: '/api/payments/*', service: 'payments', auth: 'none', timeoutMs: 5_000, retries: 0 },
  search: { path: '/api/search', methods: ['GET'], service: 'search', auth: 'none', hedge: { afterMs: 200 } },
  'user-login': { path: '/user/login', methods: ['POST'], service: 'user', auth: 'none' },
  users: { path: '/user/*', service: 'user', auth: 'none', serviceLimit: { concurrent: 100 } },
}

/** Requests a second of each path, about which they go up and down. */
const TRAFFIC: readonly (readonly [method: 'GET' | 'POST', path: string, perSecond: number])[] = [
  ['GET', '/api/catalog/shoes', 22],
  ['GET', '/img/shoes.webp', 9],
  ['GET', '/api/orders/7', 7],
  ['POST', '/api/orders', 2],
  ['GET', '/api/payments/31', 1.5],
  ['GET', '/api/search', 4],
  ['GET', '/task/tasks', 6],
  ['GET', '/user/42', 14],
  ['GET', '/user/missing', 0.4],
  ['POST', '/user/login', 1],
  ['GET', '/usr/42', 0.2],
]

await using cleanUp = new AsyncDisposableStack()
const scene = cleanUp.use(await startScene({ services: SERVICES, routes: ROUTES, traffic: [] }))
const over = new AbortController()
const waves = TRAFFIC.map(([method, path, perSecond], index) => wave(method, path, perSecond, index))
cleanUp.defer(async () => {
  over.abort()
  await Promise.all(waves)
})
await happen(scene)
await takePictures(scene)

/** Sends requests at a rate that goes up and down within minutes. */
async function wave(method: 'GET' | 'POST', path: string, perSecond: number, index: number): Promise<void> {
  for (let step = 0; !over.signal.aborted; step++) {
    const now = perSecond * (1 + 0.3 * Math.sin(step / 9 + index) + 0.12 * Math.sin(step / 2 + 2 * index))
    await runLoad({
      ...{ method, path, port: scene.gateway.port },
      perSecond: now,
      durationMs: 4_000,
      signal: over.signal,
    })
  }
}

/** What happens in the ten minutes: changes of documents, a node that fails for a while, and one that goes down. */
async function happen({ put, nodes }: Scene): Promise<void> {
  await delay(3 * minuteMs)
  await put('/waygate/routes/orders', { ...ORDERS, timeoutMs: 15_000 })
  await delay(2 * minuteMs)
  nodes.get('user/n3')!.failing = 0.35
  await delay(1.2 * minuteMs)
  nodes.get('user/n3')!.failing = 0
  await put('/waygate/routes/users', { ...ROUTES.users, retries: 2, timeoutMs: 8_000 })
  await delay(2.3 * minuteMs)
  await put('/waygate/routes/tasks', { path: '/tasks/*', service: 'tsk', auth: 'none' })
  await delay(1.3 * minuteMs)
  // Requests that are under way are tried at another node.
  nodes.get('catalog/n3')!.ms = 400
  await delay(3_000)
  await nodes.get('catalog/n3')!.service.close()
  await delay(0.2 * minuteMs)
}

async function takePictures({ gateway }: Scene): Promise<void> {
  await mkdir(folder, { recursive: true })
  const t = { after: (close: () => unknown) => cleanUp.defer(async () => void (await close())) }
  const options = { viewport: { width: 1280, height: 860 }, deviceScaleFactor: 2 }
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openPage(t, { ...options, colorScheme })
    const show = (hash: string) => page.goto(`${gateway.admin}/${hash}`)
    await show('#/overview')
    await page.locator('.state.good').waitFor()
    // The figures of the first step are those of a part of it.
    await delay(8_000)
    await page.getByRole('button', { name: 'Nodes of catalog' }).click()
    await delay(1_000)
    await take(page, `overview-${colorScheme}`)
    if (colorScheme === 'dark') {
      await show('#/requests')
      await delay(6_000)
      await take(page, 'requests')
      continue
    }
    await show('#/routes/users')
    await page.locator('.canvas canvas').first().waitFor()
    await delay(3_000)
    await take(page, 'route')
    await show('#/explain?method=GET&url=/api/serch')
    await page.locator('.steps').waitFor()
    await take(page, 'explain')
    await show(`#/requests/${await retriedRequest()}`)
    await page.locator('.waterfall').waitFor()
    await take(page, 'request')
    await show('#/changes')
    await page.locator('.changes summary', { hasText: 'users' }).first().click()
    await delay(500)
    await take(page, 'changes')
  }

  /** Finds a request that another node answered after the first had not. */
  async function retriedRequest(): Promise<string> {
    return until('a request was tried twice', async () => {
      const response = await fetch(`${gateway.admin}/api/v1/requests?problems=1&limit=500`)
      const { items } = (await response.json()) as {
        readonly items: readonly {
          readonly requestId: string
          readonly attempts: number
          readonly status: number
        }[]
      }
      return items.find(({ attempts, status }) => attempts > 1 && status < 400)?.requestId
    })
  }
}

async function take(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0)
  if (format === 'png') {
    await page.screenshot({ path: join(folder, `${name}.png`) })
    return
  }
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 90 })
  await writeFile(join(folder, `${name}.webp`), Buffer.from(data, 'base64'))
  await session.detach()
}

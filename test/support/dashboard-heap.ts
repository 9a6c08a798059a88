import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openPage } from './browser.ts'
import { measurePage } from './dashboard-load.ts'
import { startScene } from './dashboard-scene.ts'

/** What a page may keep of what it has seen: it remembers ten minutes, some hundred requests, and what it has compiled. */
const GROWTH_BYTES = 4 * 1024 * 1024

/**
 * Shows the dashboard with live figures and requests for a time, goes from view to view meanwhile, and asserts that its heap
 * does not grow.
 */
export async function watchHeap(t: TestContext, durationMs: number): Promise<void> {
  await using scene = await startScene({
    services: { user: { nodes: 3, ms: 1 } },
    routes: { users: { path: '/user/*', service: 'user', auth: 'none' } },
    traffic: [{ path: '/user/1', perSecond: 40 }],
  })
  const { page } = await openPage(t)
  const cost = await measurePage(page)
  const views = ['#/overview', '#/requests', '#/routes/users', '#/services/user', '#/changes', '#/source']
  const round = async () => {
    for (const hash of views) {
      await page.goto(`${scene.gateway.admin}/${hash}`)
      await delay(1_000)
    }
  }
  await page.goto(`${scene.gateway.admin}/#/overview`)
  await page.locator('.state.good').waitFor()
  // Each view compiles and caches something at its first use.
  await round()
  const before = await cost.heapBytes()
  const until = performance.now() + durationMs
  let after = before
  while (performance.now() < until) {
    await round()
    after = await cost.heapBytes()
  }
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`
  t.diagnostic(`the heap of the page: ${megabytes(before)} before, ${megabytes(after)} after`)
  assert.ok(after - before < GROWTH_BYTES, `${megabytes(after)} after ${megabytes(before)}`)
}

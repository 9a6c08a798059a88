import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPage, requireBrowser } from '../support/browser.ts'
import { manyRows, NODES, ROUTES, scrollFrames } from '../support/dashboard-frames.ts'
import { measurePage } from '../support/dashboard-load.ts'
import { startTestGateway } from '../support/gateway.ts'
import { runLoad } from '../support/load.ts'
import { answer, startNode } from '../support/node-server.ts'

/** How long each table is scrolled. `MINUTES` may say another time. */
const DURATION_MS = Number(process.env.MINUTES ?? 10) * 60_000
/** The share of frames that may come later than a screen of 60 frames a second needs them. */
const MAX_LATE = 0.05
const GROWTH_BYTES = 16 * 1024 * 1024

// On a machine that does nothing else: frames are measured by the clock.
for (const hash of ['#/routes', '#/services/fleet'] as const) {
  test(`${ROUTES} routes and ${NODES} nodes with traffic are scrolled at 60 frames a second: ${hash}`, async t => {
    if (!requireBrowser(t)) return
    const node = await startNode(t, socket => void socket.write(answer('ok')))
    const { adminPort, port } = await startTestGateway(t, manyRows(node.port))
    const stopping = new AbortController()
    const loads = [1, 2, 3, 4].map(index =>
      runLoad({
        ...{ port, path: `/r${index}/x`, perSecond: 50 },
        ...{ durationMs: Number.POSITIVE_INFINITY, signal: stopping.signal },
      }),
    )
    t.after(async () => {
      stopping.abort()
      await Promise.all(loads)
    })
    const { page } = await openPage(t)
    const cost = await measurePage(page)
    await page.goto(`http://127.0.0.1:${adminPort}/${hash}`, { timeout: 60_000 })
    await page.locator('main tbody tr').nth(20).waitFor({ timeout: 60_000 })
    await scrollFrames(page, 5_000)
    const before = await cost.heapBytes()
    const { count, p50, p99, most, late } = await scrollFrames(page, DURATION_MS)
    const grown = (await cost.heapBytes()) - before
    t.diagnostic(
      `${count} frames: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, at most ${most.toFixed(0)} ms; ${(late * 100).toFixed(1)} % late; the heap grew by ${(grown / 1024 / 1024).toFixed(1)} MB`,
    )
    assert.ok(late < MAX_LATE, `${(late * 100).toFixed(1)} % of the frames came late`)
    assert.ok(grown < GROWTH_BYTES, `the heap grew by ${grown} bytes`)
  })
}

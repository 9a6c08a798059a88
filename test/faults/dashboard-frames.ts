import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openPage, requireBrowser } from '../support/browser.ts'
import { type Frames, manyRows, NO_FRAME, NODES, ROUTES, scrollFrames } from '../support/dashboard-frames.ts'
import { measurePage } from '../support/dashboard-load.ts'
import { startTestGateway } from '../support/gateway.ts'
import { runLoad } from '../support/load.ts'
import { answer, startNode } from '../support/node-server.ts'

/** How long each table is scrolled. `MINUTES` may say another time. */
const DURATION_MS = Number(process.env.MINUTES ?? 10) * 60_000
/** The share of frames that may come later than a screen of 60 frames a second needs them. */
const MAX_LATE = 0.05
const GROWTH_BYTES = 16 * 1024 * 1024
const STRETCH_MS = Math.min(60_000, DURATION_MS)
/** How often the browser may be opened anew because it has stopped to draw. */
const MAX_STOPS = 5
/** The browser ends when it has had no page for a second. */
const BROWSER_ENDS_MS = 3_000

/** Opens a table, and scrolls it until all code of it has run. */
async function openTable(t: TestContext, url: string) {
  const { page, close } = await openPage(t)
  const cost = await measurePage(page)
  const grown = async () => (await cost.heapBytes()) - before
  let before = Number.NaN
  const warmUp = async () => {
    await page.goto(url, { timeout: 60_000 })
    await page.locator('main tbody tr').nth(20).waitFor({ timeout: 60_000 })
    await scrollFrames(page, 5_000)
    before = await cost.heapBytes()
  }
  return { page, close, grown, warmUp }
}

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
    const url = `http://127.0.0.1:${adminPort}/${hash}`
    const parts: Frames[] = []
    let stops = 0
    let table = await openTable(t, url)
    for (let isWarm = false; parts.length * STRETCH_MS < DURATION_MS; ) {
      try {
        if (!isWarm) await table.warmUp()
        isWarm = true
        parts.push(await scrollFrames(table.page, STRETCH_MS))
      } catch (error) {
        // Chromium without a GPU stops to draw in some runs, for good and in all of its pages.
        if (!String(error).includes(NO_FRAME) || ++stops > MAX_STOPS) throw error
        await table.close()
        await delay(BROWSER_ENDS_MS)
        table = await openTable(t, url)
        isWarm = false
      }
    }
    const grown = await table.grown()
    const count = parts.reduce((sum, part) => sum + part.count, 0)
    const late = parts.reduce((sum, part) => sum + part.late * part.count, 0) / count
    const [p50, p99, most] = (['p50', 'p99', 'most'] as const).map(name =>
      Math.max(...parts.map(part => part[name])),
    ) as [number, number, number]
    t.diagnostic(
      `${count} frames, in the worst of ${parts.length} stretches p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, at most ${most.toFixed(0)} ms; ${(late * 100).toFixed(1)} % late; the browser stopped ${stops} times; the heap grew by ${(grown / 1024 / 1024).toFixed(1)} MB`,
    )
    assert.ok(late < MAX_LATE, `${(late * 100).toFixed(1)} % of the frames came late`)
    assert.ok(grown < GROWTH_BYTES, `the heap grew by ${grown} bytes`)
  })
}

import type { CDPSession, Page } from 'playwright-core'

/** What a page costs its browser. */
export interface PageCost {
  /** CPU time of its main thread so far, milliseconds, which other programs on the machine do not change. */
  cpuMs(): Promise<number>
  /** The size of its heap after everything that is not in use was collected, bytes. */
  heapBytes(): Promise<number>
}

/** Begins to measure a page. Call it before the page is loaded. */
export async function measurePage(page: Page): Promise<PageCost> {
  const session: CDPSession = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  return {
    async cpuMs() {
      const { metrics } = await session.send('Performance.getMetrics')
      return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN) * 1_000
    },
    async heapBytes() {
      // What weak references hold goes with the second.
      await session.send('HeapProfiler.collectGarbage')
      await session.send('HeapProfiler.collectGarbage')
      return (await session.send('Runtime.getHeapUsage')).usedSize
    },
  }
}

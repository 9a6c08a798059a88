import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** Returns what axe finds on a page, one line for each rule that is broken. */
export async function axeFindings(page: Page): Promise<string[]> {
  const isThere = await page.evaluate(() => 'axe' in globalThis)
  if (!isThere) {
    // The policy of the page keeps scripts out; the debugger is not the page.
    const session = await page.context().newCDPSession(page)
    await session.send('Runtime.evaluate', { expression: axe.source })
    await session.detach()
  }
  const results = await page.evaluate(() => {
    const { axe } = globalThis as unknown as {
      axe: { run(root: Document): Promise<import('axe-core').AxeResults> }
    }
    return axe.run(document)
  })
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
}

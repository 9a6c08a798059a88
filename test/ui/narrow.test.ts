import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPage, requireBrowser } from '../support/browser.ts'
import { startTestGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { answer, startNode } from '../support/node-server.ts'

test('no head of a column is cut in a window of 800 pixels', async t => {
  if (!requireBrowser(t)) return
  const node = await startNode(t, socket => void socket.write(answer('ok')))
  const { adminPort, port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      users: {
        ...{ path: '/user/*', service: 'user', auth: 'none', hosts: ['127.0.0.1'] },
        ...{ description: 'People', labels: { team: 'people' } },
      },
    },
  })
  await send(port, { path: '/user/1', headers: { host: '127.0.0.1' } })
  const { page } = await openPage(t, { viewport: { width: 800, height: 700 } })
  const cut: string[] = []
  for (const hash of [
    '#/overview',
    '#/routes',
    '#/routes/users',
    '#/services',
    '#/services/user',
    '#/requests',
  ]) {
    await page.goto(`http://127.0.0.1:${adminPort}/${hash}`)
    await page.locator('main tbody tr').first().waitFor()
    const heads = await page.evaluate(() =>
      [...document.querySelectorAll('th')]
        .filter(head => head.scrollWidth > head.clientWidth)
        .map(head => `${head.textContent}: ${head.scrollWidth} of ${head.clientWidth} pixels`),
    )
    cut.push(...heads.map(head => `${hash} ${head}`))
    if (process.env.PICTURES)
      await page.screenshot({ path: `${process.env.PICTURES}/${hash.replace(/\W+/g, '-')}.png` })
  }
  assert.deepEqual(cut, [])
  // The labels of a route are shown, and lead to those that have them.
  await page.goto(`http://127.0.0.1:${adminPort}/#/routes/users`)
  await page.locator('.facts a', { hasText: 'team=people' }).click()
  await page.locator('main tbody tr', { hasText: '/user/*' }).waitFor()
  assert.match(page.url(), /filter=label(?:%3A|:)team(?:%3D|=)people/)
})

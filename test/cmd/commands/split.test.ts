import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { parseCommandLine } from '../../../cmd/cli/options.ts'
import { runSplit } from '../../../cmd/commands/split.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { changeStored } from '../../../discovery/etcd/stored-values.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { openRegistry } from '../../support/registry.ts'

const KEY = '/waygate/routes/orders'
const DOCUMENT = {
  path: '/orders/*',
  service: 'orders',
  split: {
    variants: [
      { name: 'canary', nodes: { version: '2' }, percent: 5 },
      { name: 'beta', service: 'orders-beta' },
    ],
  },
}

async function setUp(t: TestContext, value: string | undefined = JSON.stringify(DOCUMENT)) {
  const etcd = await startEmbeddedEtcd({ host: '127.0.0.1', port: 0 })
  t.after(() => etcd.close())
  const registry = openRegistry(etcd.url)
  t.after(() => registry[Symbol.dispose]())
  if (value !== undefined) await registry.put(KEY, value)
  const read = async () => String(await registry.client.get(KEY).string())
  const run = async (...args: readonly string[]) => {
    const lines: string[] = []
    const log = t.mock.method(console, 'log', (line: string) => lines.push(line))
    const error = t.mock.method(console, 'error', (line: string) => lines.push(line))
    try {
      const command = parseCommandLine(['split', ...args, '--etcd', etcd.url])
      return { code: await runSplit(command as Parameters<typeof runSplit>[0]), lines }
    } finally {
      log.mock.restore()
      error.mock.restore()
    }
  }
  return { etcd, registry, read, run }
}

test('the percent of a variant is changed, and everything else in the document stays', async t => {
  const { run, read } = await setUp(t)
  assert.deepEqual(await run('orders', 'canary', '12.5'), {
    code: 0,
    lines: [`${KEY}: canary 5% -> 12.5%, stable 95% -> 87.5%`],
  })
  const [canary, beta] = DOCUMENT.split.variants
  const expected = { ...DOCUMENT, split: { variants: [{ ...canary, percent: 12.5 }, beta] } }
  assert.equal(await read(), JSON.stringify(expected))
  assert.deepEqual(await run('orders', 'beta', '7.07%'), {
    code: 0,
    lines: [`${KEY}: beta 0% -> 7.07%, stable 87.5% -> 80.43%`],
  })
  const { lines } = await run('orders', 'canary', '0')
  assert.deepEqual(lines, [`${KEY}: canary 12.5% -> 0%, stable 80.43% -> 92.93%`])
})

test('a document that was written over several lines is written so again', async t => {
  const { run, read } = await setUp(t, JSON.stringify(DOCUMENT, null, 4))
  await run('orders', 'canary', '5')
  assert.equal(await read(), JSON.stringify(DOCUMENT, null, 2))
})

test('what gateways could not use is not written', async t => {
  const { run, read, registry } = await setUp(t)
  const refused = async (args: readonly string[], message: string) =>
    assert.deepEqual(await run(...args), { code: 1, lines: [`${message}; nothing was written`] })
  await refused(['orders', 'canry', '5'], `${KEY} has no variant "canry" (did you mean "canary"?)`)
  await refused(
    ['order', 'canary', '5'],
    '/waygate/routes/order does not exist; a document in the configuration file is changed there',
  )
  await run('orders', 'beta', '50')
  await refused(
    ['orders', 'canary', '51'],
    `${KEY} could not be used: $.split.variants: have 101 percent together, more than 100`,
  )
  assert.equal(JSON.parse(await read()).split.variants[0].percent, 5)
  await registry.put(KEY, '{')
  await refused(['orders', 'canary', '5'], `${KEY} cannot be read: value is not valid JSON`)
  await registry.put(KEY, JSON.stringify({ path: '/a', service: 'a' }))
  await refused(['orders', 'canary', '5'], `${KEY} has no variant "canary"`)
})

test('a document that somebody else writes meanwhile is left as that one has written it', async t => {
  const { etcd, registry, read } = await setUp(t)
  const result = await changeStored({ endpoints: [etcd.url] }, '/waygate/routes/', 'orders', async () => {
    await registry.put(KEY, 'theirs')
    return 'ours'
  })
  assert.equal(result, 'overtaken')
  assert.equal(await read(), 'theirs')
})

test('a command line with a mistake is told so', async () => {
  for (const [args, message] of [
    [[], 'ROUTE is missing'],
    [['r'], 'VARIANT is missing'],
    [['r', 'v'], 'PERCENT is missing'],
    [['r', 'v', '5', '6'], 'unexpected argument 6'],
    [['r', 'v', '100.01'], 'PERCENT must be from 0 to 100, in steps of 0.01, not 100.01'],
    [['r', 'v', '5.001'], 'PERCENT must be from 0 to 100, in steps of 0.01, not 5.001'],
    [['r', 'v', 'five'], 'PERCENT must be from 0 to 100, in steps of 0.01, not five'],
  ] as const) {
    assert.throws(() => parseCommandLine(['split', ...args]), {
      message: `waygate split: ${message}; see waygate split --help`,
    })
  }
})

test('where documents are in a file, the command says so', async t => {
  const folder = tempFolder(t, {
    'waygate.yaml': '{"discovery": {"registry": "file", "file": "services.yaml"}}',
  })
  const command = parseCommandLine(['split', 'r', 'v', '5', '--config', `${folder}/waygate.yaml`])
  await assert.rejects(
    runSplit(command as Parameters<typeof runSplit>[0]),
    /documents are not in etcd here, but in the registry file/,
  )
})

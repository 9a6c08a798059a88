import { loadKeys } from '../../config/keys/keys.ts'
import { readFrom } from '../../config/load/file-contents.ts'
import type { MetricValues } from '../../routes/admin/metric-values.ts'
import type { OwnPages } from '../../routes/admin/page-types.ts'
import { formatError } from '../cli/format-error.ts'
import { collectStartup, collectStartupLater } from '../gateway/body-memory.ts'
import { startGateway } from '../gateway/gateway.ts'
import type { Gateway } from '../gateway/gateway-types.ts'
import { createLogger } from '../gateway/logger.ts'
import { openRegistry } from '../gateway/registry.ts'
import type { PageName } from './messages.ts'
import { type End, PrimaryLink } from './primary-link.ts'

/** One of several processes that serve: its own registry, table and connections. Resolves with the exit code. */
export async function runWorker(): Promise<number> {
  // A terminal sends them to all of its processes; the primary says what is to be done.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  const primary = new PrimaryLink()
  const ended = primary.end.then(() => undefined)
  const start = await Promise.race([primary.start, ended])
  if (!start) return 0
  const { config, keyFiles, embeddedUrl } = start.settings
  const { logger, write: writeLine, flush } = createLogger(config.logLevel)
  try {
    const keys = loadKeys(config, { problems: [], warnings: [], readFile: readFrom(keyFiles) })
    const registry = await openRegistry(config, {
      keys,
      embeddedUrl,
      logger: logger.child({ module: 'discovery' }),
    })
    const starting = startGateway({
      config,
      keys,
      registry,
      logger,
      writeLine,
      listen: start.listen,
      onDrained: pages => sendLast(pages, primary),
    })
    // Nothing is under way before it listens, so there is nothing to wait for.
    const gateway = await Promise.race([starting, ended])
    if (!gateway) return 0
    collectStartup()
    primary.onError = error => logger.error({ err: error }, 'a page could not be made')
    primary.onAsk = (page, answer) => answerPage(gateway.pages, page, answer)
    gateway.health.onNews = news => void primary.send({ type: 'health', news })
    primary.onHealth = news => gateway.health.apply(news)
    primary.onCheck = () => gateway.health.startChecking()
    void primary.send({ type: 'listening', address: gateway.address })
    void gateway.table.loaded.then(() => primary.send({ type: 'loaded' }))
    collectStartupLater(() => gateway.hasServed())
    const end = await primary.end
    gateway.health.close()
    if (end === 'orphaned') logger.error('the primary process is gone; draining')
    const cut = await endGateway(gateway, end, primary)
    if (cut > 0) logger.warn({ requests: cut }, 'requests were cut off')
    await registry.close()
    return 0
  } catch (error) {
    await primary.send({ type: 'failed', text: formatError(error) })
    return 1
  } finally {
    flush()
  }
}

function endGateway(gateway: Gateway, end: End, { hurry, leave }: PrimaryLink): Promise<number> {
  switch (end) {
    case 'drain':
      return gateway.stop(leave)
    case 'retire':
    // Nobody hands over connections any more.
    case 'orphaned':
      return gateway.retire(hurry)
    default:
      return end satisfies never
  }
}

async function answerPage(pages: OwnPages, page: PageName, answer: (part: unknown) => void): Promise<void> {
  if (page === 'metrics') for await (const metric of pages.metricValues()) answer(asSent(metric))
  else answer(await pages[page]())
}

/** What was counted here goes on counting: totals that fell would look like a restart. */
async function sendLast(pages: OwnPages, primary: PrimaryLink): Promise<void> {
  for await (const metric of pages.metricValues()) {
    await primary.send({ type: 'last', metric: asSent(metric) })
  }
}

/** JSON has no NaN, which some metrics are until there is something to measure. */
function asSent(metric: MetricValues): MetricValues {
  return { ...metric, values: metric.values.filter(({ value }) => Number.isFinite(value)) }
}

import { readFrom } from '../../config/keys/file-contents.ts'
import { loadKeys } from '../../config/keys/keys.ts'
import type { RememberedSource } from '../../discovery/registry.ts'
import { decodeRemembered, encodeRemembered } from '../../discovery/remembered.ts'
import type { MetricValues } from '../../routes/admin/metrics/metric-values.ts'
import type { OwnPages } from '../../routes/admin/page-types.ts'
import { Turns } from '../../routes/admin/turns.ts'
import { formatError } from '../cli/format-error.ts'
import { ENDING_SIGNALS, logUnusedSignals } from '../cli/signals.ts'
import { startGateway } from '../gateway/gateway.ts'
import type { Gateway } from '../gateway/gateway-types.ts'
import { collectStartup, collectStartupLater } from '../gateway/heap.ts'
import { createLogger } from '../gateway/logger.ts'
import { openRegistry } from '../gateway/registry.ts'
import type { ApiQuestion, PageQuestion, SentMemory } from './messages.ts'
import { partsOf } from './page-parts.ts'
import { PrimaryLink, type WorkerEnd } from './primary-link.ts'
import { WorkerLive } from './worker-live.ts'

/** Runs one of several serving processes, with its own registry, table and connections. Resolves with the exit code. */
export async function runWorker(): Promise<number> {
  // A terminal sends signals to all of its processes; workers act on the messages of the primary instead.
  for (const signal of [...ENDING_SIGNALS, 'SIGHUP'] as const) process.on(signal, () => {})
  const primary = new PrimaryLink()
  const ended = primary.end.then(() => undefined)
  const start = await Promise.race([primary.start, ended])
  if (!start) return 0
  const { config, keyFiles, embeddedUrl, ticketSecret, version, sockets } = start.settings
  const { logger, write: writeLine, flush, lost: lostLines } = createLogger(config.logLevel)
  logUnusedSignals(logger)
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
      version,
      registry,
      logger,
      writeLine,
      lostLines,
      sockets,
      ticketSecret: Buffer.from(ticketSecret, 'base64'),
      listen: start.listen,
      remembered: start.remembered.map(decodeSource),
      onRemembered: remembered =>
        void primary.send({ type: 'remembered', remembered: encodeRemembered(remembered) }),
      onDrained: pages => sendLast(pages, primary),
    })
    // Before the gateway listens nothing is in flight, so there is nothing to drain.
    const gateway = await Promise.race([starting, ended])
    if (!gateway) return 0
    collectStartup()
    primary.onError = error => logger.error({ err: error }, 'admin page could not be built')
    const live = new WorkerLive(gateway.api, message => void primary.send(message))
    primary.onWatch = filters => live.watch(filters)
    primary.onAsk = (page, answer) => answerPage(gateway, live, page, answer)
    gateway.health.onNews = news => void primary.send({ type: 'health', news })
    primary.onHealth = news => gateway.health.apply(news)
    primary.onCheck = isWanted => (isWanted ? gateway.health.startChecking() : gateway.health.close())
    void primary.send({ type: 'listening', addresses: gateway.addresses })
    void gateway.loaded.then(() => primary.send({ type: 'loaded' }))
    collectStartupLater(() => gateway.hasServed())
    const end = await primary.end
    // A worker that drains serves on for a while. One that has been replaced does so for few, and another makes the checks.
    if (end !== 'drain') gateway.health.close()
    live.close()
    if (end === 'orphaned') logger.error('primary process is gone; draining')
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

function decodeSource(sent: SentMemory): RememberedSource {
  return { source: sent.source, store: sent.store, ...decodeRemembered(sent) }
}

function endGateway(gateway: Gateway, end: WorkerEnd, { hurry }: PrimaryLink): Promise<number> {
  switch (end) {
    case 'drain':
      return gateway.stop()
    case 'retire':
    // Without a primary, no more connections arrive.
    case 'orphaned':
      return gateway.retire(hurry)
    default:
      return end satisfies never
  }
}

async function answerPage(
  { pages, api }: Gateway,
  live: WorkerLive,
  page: PageQuestion,
  answer: (part: unknown) => void,
): Promise<void> {
  if (page === 'metrics') for await (const metric of pages.metricValues()) answer(asSent(metric))
  else if (typeof page === 'string') {
    const turns = new Turns(1)
    for (const part of partsOf(await pages[page]())) {
      answer(part)
      if (turns.isOver) await turns.next()
    }
  } else if (!('api' in page)) answer(await answerQuestion(pages, page))
  else if (page.api === 'live') answer(await live.take(...page.args))
  else {
    const asked = api[page.api] as (...args: readonly unknown[]) => Promise<unknown>
    answer(await asked(...page.args))
  }
}

function answerQuestion(
  pages: OwnPages,
  question: Exclude<PageQuestion, string | ApiQuestion>,
): Promise<unknown> {
  if ('explain' in question) return pages.explain(question.explain)
  return 'check' in question ? pages.check(question.check) : pages.methods(question.methodsOf)
}

/** Hands the final totals to the primary, which keeps them: falling totals would look like a restart. */
async function sendLast(pages: OwnPages, primary: PrimaryLink): Promise<void> {
  for await (const metric of pages.metricValues()) {
    await primary.send({ type: 'last', metric: asSent(metric) })
  }
}

/** Drops NaN, which JSON does not have: some metrics are NaN until there is something to measure. */
function asSent(metric: MetricValues): MetricValues {
  return { ...metric, values: metric.values.filter(({ value }) => Number.isFinite(value)) }
}

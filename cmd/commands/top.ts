import type {
  FiguresPage,
  LiveFigures,
  Sample,
  ServiceSummary,
  StatusPage,
} from '../../routes/admin/api-types.ts'
import type { TopCommand } from '../cli/command.ts'
import { formatTable, print, printListing, tell } from '../cli/output.ts'
import { AdminClient, AskError } from './admin-client.ts'
import { followLive } from './live-stream.ts'
import { describeTotal, figuresOf, LiveWindow, sumOf, topColumns, topRows } from './top-rows.ts'

/** The time of which `--once` tells, and that of which the screen tells. */
const ONCE_SECONDS = 60
const LIVE_SECONDS = 10
/** Every so many seconds, the services and their nodes are read again. */
const SERVICES_EVERY_SECONDS = 5
const CLEAR = '\u001b[H\u001b[J'

/** Runs `waygate top`. Resolves with the exit code; on a terminal, it runs until a signal ends it. */
export async function runTop(command: TopCommand): Promise<0> {
  const client = new AdminClient(command)
  const isLive = !command.once && process.stdout.isTTY && ['table', 'wide'].includes(command.output)
  await (isLive ? draw(client) : printOnce(client, command.output))
  return 0
}

/** Prints the last minute, which the gateway has kept, or as much of it as the gateway has been there. */
async function printOnce(client: AdminClient, output: TopCommand['output']): Promise<void> {
  const [services, { startedAt }] = await Promise.all([
    client.readItems<ServiceSummary>('/api/v1/services'),
    client.read<StatusPage>('/api/v1/status'),
  ])
  // Alone, since the time of the last answer must be that of the figures.
  const figures = await client.read<FiguresPage>('/api/v1/figures')
  // The present step is not over, so nothing is known of it.
  const end = Math.floor(client.answeredAt / figures.stepMs) * figures.stepMs
  const since = Math.max(end - ONCE_SECONDS * 1_000, Date.parse(startedAt))
  const seconds = Math.max(1, Math.round((end - since) / 1_000))
  const recent = (samples: readonly Sample[] = []) => samples.filter(({ t }) => t > since)
  const rows = topRows(
    services,
    name => recent(figuresOf(figures.services, name)),
    () => null,
  )
  const page = { seconds, items: rows }
  if (output === 'table' || output === 'wide') {
    tell(`${describeTotal(sumOf(recent(figures.total)), seconds)}   in the last ${seconds} s\n`)
  }
  printListing(
    output,
    { rows, columns: topColumns(seconds, false), nameOf: ({ service }) => service, page },
    'no service',
  )
}

/** Redraws the screen each second. */
async function draw(client: AdminClient): Promise<void> {
  const window = new LiveWindow(LIVE_SECONDS)
  let services: readonly ServiceSummary[] | undefined
  let age = 0
  for await (const { event, data } of followLive(client, 'figures=1')) {
    if (event === 'open') {
      // It may be another gateway, or the same one after a restart, with other services.
      window.clear()
      services = undefined
    }
    if (event !== 'figures') continue
    const tick = data as LiveFigures
    window.add(tick)
    if (services === undefined || age++ % SERVICES_EVERY_SECONDS === 0)
      services = (await readServices(client)) ?? services
    const { seconds } = window
    const rows = topRows(
      services ?? [],
      name => window.samplesOf(name),
      name => window.inFlightOf(name),
    )
    const head = `${describeTotal(window.total(), seconds)}   in flight ${tick.inFlight}   last ${seconds} s   ${client.url}`
    // A line that wraps would push the first rows out of a terminal that is full.
    const line = head.slice(0, process.stdout.columns || undefined)
    print(`${CLEAR}${line}\n\n${formatTable(rows.slice(0, roomFor()), topColumns(seconds, true))}`)
  }
}

/** Returns undefined when nobody answers, which the stream tells as well, and gets over. */
async function readServices(client: AdminClient): Promise<readonly ServiceSummary[] | undefined> {
  try {
    return await client.readItems('/api/v1/services')
  } catch (error) {
    if (error instanceof AskError && error.isAway) return undefined
    throw error
  }
}

/** Returns how many rows fit on the terminal, below the head. One that does not know its height shows all. */
function roomFor(): number {
  const { rows } = process.stdout
  return rows > 0 ? Math.max(1, rows - 4) : Number.POSITIVE_INFINITY
}

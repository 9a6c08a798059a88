import { setTimeout as delay } from 'node:timers/promises'
import type { StatusPage } from '../../routes/admin/api-types.ts'
import type { StatusCommand } from '../cli/command.ts'
import { formatFacts, print, printPage, tell } from '../cli/output.ts'
import { AdminClient, AskError } from './admin-client.ts'
import { describeState } from './routes.ts'

/** How often a gateway is asked that is not ready. */
const EVERY_MS = 500

/** Runs `waygate status`. Resolves with the exit code, 1 when the gateway is not ready. */
export async function runStatus(command: StatusCommand): Promise<0 | 1> {
  const { output, waitSeconds } = command
  const page = await untilReady(new AdminClient(command), waitSeconds * 1_000)
  if (output === 'json' || output === 'yaml') printPage(output, page)
  else print(describeStatus(page))
  return page.ready ? 0 : 1
}

/**
 * Reads the status, again and again until the gateway is ready or time is up.
 *
 * @throws the error of the last try
 */
async function untilReady(client: AdminClient, withinMs: number): Promise<StatusPage> {
  const deadline = performance.now() + withinMs
  let isTold = false
  for (;;) {
    const page = await client.read<StatusPage>('/api/v1/status').catch((error: Error) => error)
    const isOver = performance.now() + EVERY_MS > deadline
    if (page instanceof Error) {
      if (isOver || !(page instanceof AskError && page.isAway)) throw page
    } else if (page.ready || isOver) return page
    if (!isTold)
      tell(`waygate: ${page instanceof Error ? page.message : 'the gateway is not ready'}; waiting`)
    isTold = true
    await delay(EVERY_MS)
  }
}

function describeStatus(page: StatusPage): string {
  const { name, version, pid, startedAt, ready, source, revision, problems, role, features, workers } = page
  return formatFacts([
    ['gateway', name],
    ['ready', ready ? 'yes' : 'no'],
    ['table', describeState({ revision, source })],
    ['reason', source.connected ? undefined : source.reason],
    ['problems', problems === 0 ? 'none' : `${problems}; waygate routes names them`],
    ['version', version],
    ['started', startedAt],
    ['pid', pid],
    ['workers', workers?.map(worker => worker.pid).join(', ')],
    ['your role', role],
    ['tail', features.tail ? 'on' : 'off'],
    ['dashboard', features.dashboard ? 'on' : 'off'],
  ])
}

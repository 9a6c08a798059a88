import { styleText } from 'node:util'
import { wentWrong } from '../../internal/telemetry/filter.ts'
import { clock } from '../../internal/telemetry/format.ts'
import type { LiveRequests, RequestEntry } from '../../routes/admin/api-types.ts'
import type { TailCommand } from '../cli/command.ts'
import { jsonText, print, tell, visible } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'
import { followLive } from './live-stream.ts'

/** Runs `waygate tail`. Resolves with the exit code; without `--once`, it runs until a signal ends it. */
export async function runTail(command: TailCommand): Promise<0> {
  const { filter, problems, lines, once } = command
  const client = new AdminClient(command)
  const printEntry = printerOf(command.output)
  const readLast = async () => {
    if (lines === 0) return []
    const query = new URLSearchParams({ filter, limit: String(lines), ...(problems && { problems: '1' }) })
    return (await client.readItems<RequestEntry>(`/api/v1/requests?${query}`)).slice(0, lines).toReversed()
  }
  if (once) {
    for (const entry of await readLast()) printEntry(entry)
    return 0
  }
  // Requests that end while the last ones are read are in the stream, so it is opened first, and may have some again.
  const shown = new Set<string>()
  let isFirst = true
  for await (const { event, data } of followLive(client, new URLSearchParams({ tail: filter }).toString())) {
    if (event === 'open' && isFirst) {
      isFirst = false
      for (const entry of await readLast()) {
        shown.add(entry.requestId)
        printEntry(entry)
      }
      continue
    }
    if (event !== 'requests') continue
    const { items, lost } = data as LiveRequests
    for (const entry of items) {
      if (shown.delete(entry.requestId) || (problems && !wentWrong(entry))) continue
      printEntry(entry)
    }
    if (lost > 0) tell(`waygate: ${lost} more ${lost === 1 ? 'request is' : 'requests are'} not shown`)
  }
  return 0
}

function printerOf(output: TailCommand['output']): (entry: RequestEntry) => void {
  if (output === 'json') return entry => print(jsonText(entry))
  if (output === 'name') return entry => print(visible(entry.requestId))
  return entry => print(describeEntry(entry))
}

/** Formats a request as a line: when, status, time, id, what was asked, who answered, and what went wrong. */
export function describeEntry(entry: RequestEntry): string {
  const {
    at,
    status,
    totalMs,
    requestId,
    method,
    host = '',
    path,
    service,
    node,
    attempts,
    code,
    reason,
    route,
    grpcStatus = 0,
  } = entry
  const about = [
    `${method} ${host}${path}`,
    ...(node === undefined ? [] : [`-> ${service}/${node}`]),
    ...(node === undefined && route !== undefined ? [`(route ${route})`] : []),
    ...(attempts > 1 ? [`(${attempts} tries)`] : []),
    ...(entry.fallback ? ['(fallback)'] : []),
    ...(grpcStatus > 0 ? [`(gRPC status ${grpcStatus})`] : []),
    ...(code === undefined ? [] : [code]),
    ...(reason === undefined ? [] : [`(${reason})`]),
  ].join(' ')
  const parts = [
    clock(at, true),
    colored(status),
    `${Math.round(totalMs)} ms`.padStart(8),
    visible(requestId),
    visible(about),
  ]
  return parts.join('  ')
}

function colored(status: number): string {
  const text = String(status).padStart(3)
  if (status < 400) return text
  return styleText(status < 500 ? 'yellow' : 'red', text, { stream: process.stdout })
}

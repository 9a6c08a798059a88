import type { RequestDetail, RequestEntry, TryEntry } from '../../routes/admin/api-types.ts'
import type { WhyCommand } from '../cli/command.ts'
import { formatFacts, formatTable, print, printPage } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'
import { describeExplanation } from './explain.ts'

/** Runs `waygate why`. Resolves with the exit code. */
export async function runWhy(command: WhyCommand): Promise<0> {
  const { requestId, output } = command
  const detail = await new AdminClient(command).read<RequestDetail>(
    `/api/v1/requests/${encodeURIComponent(requestId)}`,
  )
  if (output === 'json' || output === 'yaml') printPage(output, detail)
  else print(describeRequest(detail))
  return 0
}

/** Formats what happened to a request, and what would happen now. */
export function describeRequest({ request, tries, explain }: RequestDetail): string {
  const parts = [describeFacts(request)]
  if (tries.length > 0) parts.push(`Tries:\n${formatTable(tries, TRY_COLUMNS)}`)
  if (explain !== null) {
    const isSame = request.revision === undefined || request.revision === explain.revision
    const then = isSame ? '' : `, after the table has changed since revision ${request.revision}`
    parts.push(
      `The same method, host and path now, without headers${then}:\n\n${describeExplanation(explain)}`,
    )
  }
  return parts.join('\n\n')
}

const TRY_COLUMNS = [
  { title: '  NODE', cell: ({ service, node }: TryEntry) => `  ${service}/${node}` },
  { title: 'AT', cell: ({ startMs }: TryEntry) => `${startMs} ms` },
  { title: 'TOOK', cell: ({ ms }: TryEntry) => `${ms} ms` },
  { title: 'OUTCOME', cell: ({ outcome }: TryEntry) => outcome },
]

function describeFacts(request: RequestEntry): string {
  const { status, code, reason, totalMs, upstreamMs, service, node, address, rpc, grpcStatus } = request
  return formatFacts([
    ['request', request.requestId],
    ['at', new Date(request.at).toISOString()],
    ['asked', `${request.method} ${request.host ?? ''}${request.path} (HTTP/${request.http})`],
    ['rpc', rpc],
    ['client', request.client],
    ['user', request.user],
    ['answered', [status, code, reason && `(${reason})`].filter(Boolean).join(' ')],
    [
      'by',
      code === undefined && node !== undefined
        ? 'the node'
        : request.fallback
          ? 'the fallback'
          : 'the gateway',
    ],
    ['grpc status', grpcStatus],
    [
      'took',
      `${totalMs} ms${upstreamMs === undefined ? '' : `, of which ${upstreamMs} ms until the node answered`}`,
    ],
    ['route', request.route ?? 'none'],
    ['service', service],
    ['node', node === undefined ? undefined : `${node}${address === undefined ? '' : ` (${address})`}`],
    ['tries', request.attempts],
    ['policy', request.policy],
    ['variant', request.variant],
    ['trace', request.traceId],
    ['revision', request.revision],
  ])
}

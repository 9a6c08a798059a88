import type { RoutesPage } from '../../routes/admin/page-types.ts'
import type { RoutesCommand } from '../cli/command.ts'
import { readAdminPage } from './admin-client.ts'

/** Runs `waygate routes`: prints the live table of a running gateway. Resolves with the exit code. */
export async function runRoutes(options: RoutesCommand): Promise<number> {
  console.log(describeTable(await readAdminPage<RoutesPage>('/routes', options)))
  return 0
}

/** Formats the table for people, with a line for each node. */
export function describeTable({ revision, source, defaultAuth, routes, problems }: RoutesPage): string {
  const state = source.stale ? (source.connected ? 'stale' : 'stale, not connected') : 'live'
  const age = source.ageMs === undefined ? '' : `, confirmed ${Math.round(source.ageMs / 100) / 10} s ago`
  const rows = routes.flatMap(route => {
    const methods = route.methods?.join(',') ?? '*'
    const path = `${route.hosts?.join(',') ?? ''}${route.path}${route.match ? ' (match)' : ''}`
    const auth = typeof route.auth === 'string' ? route.auth : JSON.stringify(route.auth)
    const about = [route.id, methods, path, route.service || '-', route.broken ? 'broken: 503' : auth]
    if (route.service === '') return [about]
    if (route.nodes.length === 0) return [[...about, '(no node)']]
    return route.nodes.map((node, index) => [
      ...(index === 0 ? about : about.map(() => '')),
      node.id,
      node.address,
      String(node.weight),
      node.protocol === undefined ? node.state : `${node.state} (${node.protocol})`,
      node.breaker,
      node.health,
      String(node.inFlight),
      String(node.requests),
      String(node.failures),
    ])
  })
  const header = [
    'ROUTE',
    'METHODS',
    'PATH',
    'SERVICE',
    'AUTH',
    'NODE',
    'ADDRESS',
    'WEIGHT',
    'STATE',
    'BREAKER',
    'HEALTH',
  ]
  const doubt = source.suspects > 0 ? `, ${source.suspects} suspect keys` : ''
  const drift = source.drift > 0 ? `, drift ${source.drift}` : ''
  const lines = [
    `${source.registry} revision ${revision ?? '-'} (${state}${age}${doubt}${drift})`,
    ...(source.connected || source.reason === undefined ? [] : [source.reason]),
    ...(defaultAuth === 'none'
      ? ['no token key is configured: routes without auth are open to everyone']
      : []),
    '',
    formatTable([[...header, 'IN FLIGHT', 'REQUESTS', 'FAILURES'], ...rows]),
  ]
  if (problems.length > 0)
    lines.push('', 'Problems:', ...problems.map(problem => `  ${describeProblem(problem)}`))
  return lines.join('\n')
}

function describeProblem({ key, reason, lastGood }: RoutesPage['problems'][number]): string {
  const inUse = lastGood
    ? ` (last good of revision ${lastGood.revision} in use, since ${lastGood.since})`
    : ''
  return `${key}: ${reason}${inUse}`
}

/** Formats rows as text with aligned columns, two spaces between them. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

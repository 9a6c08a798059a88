import type { Scenario } from './scenario.ts'
import { accessLog } from './scenarios/access-log.ts'
import { checkouts } from './scenarios/checkouts.ts'
import { forwarding } from './scenarios/forwarding.ts'
import { grpc } from './scenarios/grpc.ts'
import { http2 } from './scenarios/http2.ts'
import { idleConnections } from './scenarios/idle-connections.ts'
import { policies } from './scenarios/policies.ts'
import { nodes, routes } from './scenarios/tables.ts'
import { tls } from './scenarios/tls.ts'
import { tokens } from './scenarios/tokens.ts'
import { tracing } from './scenarios/tracing.ts'
import { transcode } from './scenarios/transcode.ts'
import { viewers } from './scenarios/viewers.ts'

const all: readonly Scenario[] = [
  ...forwarding,
  tokens,
  idleConnections,
  routes,
  nodes,
  accessLog,
  tracing,
  ...viewers,
  ...policies,
  ...grpc,
  http2,
  transcode,
  ...tls,
]

/**
 * Returns the scenarios that `--scenario` names: names separated by commas, or `all`. A name also stands for those that begin
 * with it and a dash: `grpc` for `grpc-stream`.
 *
 * @throws Error when there is no scenario with a name
 */
export function findScenarios(names: string): readonly Scenario[] {
  if (names === 'all') return all
  if (names === checkouts.name) return [checkouts]
  return names.split(',').flatMap(name => {
    const scenarios = all.filter(each => each.name === name || each.name.startsWith(`${name}-`))
    if (scenarios.length === 0) {
      throw new Error(`there is no scenario ${name}; choose from ${all.map(each => each.name).join(', ')}`)
    }
    return scenarios
  })
}

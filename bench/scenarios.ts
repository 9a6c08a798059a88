import type { Scenario } from './scenario.ts'
import { accessLog } from './scenarios/access-log.ts'
import { checkouts } from './scenarios/checkouts.ts'
import { forwarding } from './scenarios/forwarding.ts'
import { idleConnections } from './scenarios/idle-connections.ts'
import { policiesOfRoute } from './scenarios/policies.ts'
import { nodes, routes } from './scenarios/tables.ts'
import { tokens } from './scenarios/tokens.ts'

const all: readonly Scenario[] = [
  ...forwarding,
  tokens,
  idleConnections,
  routes,
  nodes,
  accessLog,
  policiesOfRoute,
]

/**
 * Returns the scenarios that `--scenario` names: names separated by commas, or `all`.
 *
 * @throws Error when there is no scenario with a name
 */
export function findScenarios(names: string): readonly Scenario[] {
  if (names === 'all') return all
  if (names === checkouts.name) return [checkouts]
  return names.split(',').map(name => {
    const scenario = all.find(each => each.name === name)
    if (scenario === undefined) {
      throw new Error(`there is no scenario ${name}; choose from ${all.map(each => each.name).join(', ')}`)
    }
    return scenario
  })
}

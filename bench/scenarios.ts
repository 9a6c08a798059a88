import type { Scenario } from './scenario.ts'
import { accessLog } from './scenarios/access-log.ts'
import { forwarding } from './scenarios/forwarding.ts'
import { idleConnections } from './scenarios/idle-connections.ts'
import { nodes, routes } from './scenarios/tables.ts'
import { tokens } from './scenarios/tokens.ts'

const all: readonly Scenario[] = [...forwarding, tokens, idleConnections, routes, nodes, accessLog]

/**
 * The scenarios of `--scenario`: names with commas between them, or `all`.
 *
 * @throws Error for a name that none has.
 */
export function findScenarios(names: string): readonly Scenario[] {
  if (names === 'all') return all
  return names.split(',').map(name => {
    const scenario = all.find(each => each.name === name)
    if (scenario === undefined) {
      throw new Error(`there is no scenario ${name}, but ${all.map(each => each.name).join(', ')}`)
    }
    return scenario
  })
}

import type { Scenario } from '../scenario.ts'
import { signTokens } from '../tokens.ts'
import { bareHttpProxy, waygate } from './peers.ts'

const IDLE = 1_000

/** Measures what idle connections cost the others. */
export const idleConnections: Scenario = {
  name: 'idle-connections',
  title: 'GET, an answer of 110 bytes, beside 1,000 idle keep-alive connections',
  load: { path: '/x', connections: 64, tokens: signTokens(1) },
  contenders: () =>
    [bareHttpProxy, waygate].flatMap(contender => [
      contender,
      { ...contender, name: `${contender.name}, beside 1,000 idle`, idleConnections: IDLE },
    ]),
}

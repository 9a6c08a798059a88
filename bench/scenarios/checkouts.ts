import { resolve } from 'node:path'
import type { Scenario } from '../scenario.ts'
import { SECRET, signTokens } from '../tokens.ts'
import { waygate } from './peers.ts'

/**
 * Compares this checkout with another one. Name it in the environment variable `CHECKOUT`; its dependencies must be
 * installed.
 */
export const checkouts: Scenario = {
  name: 'checkouts',
  title: 'GET, an answer of 110 bytes, by another checkout and by this one',
  load: { path: '/x', connections: 64, tokens: signTokens(1) },
  contenders() {
    const { CHECKOUT } = process.env
    if (CHECKOUT === undefined) throw new Error('set CHECKOUT to the folder of the checkout to compare with')
    const other = resolve(CHECKOUT)
    return [
      {
        name: other,
        start: scene => scene.startWaygate({ checkout: other, config: { jwt: { secret: SECRET } } }),
      },
      waygate,
    ]
  },
}

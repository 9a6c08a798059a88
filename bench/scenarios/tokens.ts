import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contender, Scenario } from '../scenario.ts'
import { SECRET, signRsaToken, signTokens } from '../tokens.ts'

const waygate = (name: string, tokens: readonly string[], jwt?: object): Contender => ({
  name: `Waygate: ${name}`,
  load: { tokens },
  start: scene => scene.startWaygate({ config: jwt === undefined ? {} : { jwt } }),
})

function rsaWaygate(): Contender {
  const { token, publicKey } = signRsaToken()
  return {
    name: 'Waygate: RS256, one token',
    load: { tokens: [token] },
    start(scene) {
      const publicKeyFile = join(scene.folder, 'public-key.pem')
      writeFileSync(publicKeyFile, publicKey)
      return scene.startWaygate({ config: { jwt: { publicKeyFile } } })
    },
  }
}

/** Measures the cost of tokens. */
export const tokens: Scenario = {
  name: 'tokens',
  title: 'GET, an answer of 110 bytes, with and without tokens',
  load: { path: '/x', connections: 64 },
  contenders: () => [
    waygate('no tokens', []),
    waygate('HS256, one token', signTokens(1), { secret: SECRET }),
    rsaWaygate(),
    waygate('HS256, 10,000 tokens by turns', signTokens(10_000), { secret: SECRET }),
  ],
}

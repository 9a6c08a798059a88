import { type KeyObject, randomBytes, sign as signBytes } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { loadSigningKey } from '../../config/keys/jwt-keys.ts'
import type { Findings } from '../../config/keys/key-files.ts'
import type { Algorithm } from '../../config/kit/key-algorithms.ts'
import { ConfigError, toProblem } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { TokenCommand } from '../cli/command.ts'
import { UsageError } from '../cli/format-error.ts'

/** Runs `waygate token`: prints a token and nothing else. Resolves with the exit code. */
export async function runToken(options: TokenCommand): Promise<number> {
  console.log(signToken(options, loadCommandConfig(options)))
  return 0
}

/**
 * Signs a token that a gateway with this configuration accepts. Of the accepted `iss` and `aud`, it has the first.
 *
 * @throws ConfigError when there is no key to sign with, UsageError for a claim of the wrong type or an impossible name
 */
export function signToken(
  { subject, expiresInSeconds, claims }: Pick<TokenCommand, 'subject' | 'expiresInSeconds' | 'claims'>,
  { config, sourceOf }: Pick<LoadedConfig, 'config' | 'sourceOf'>,
): string {
  const findings: Findings = { problems: [], warnings: [] }
  const signing = loadSigningKey(config.jwt, findings)
  if (findings.problems.length > 0) {
    throw new ConfigError(
      findings.problems.map(finding => ({ ...toProblem(finding), source: sourceOf(finding.path.join('.')) })),
    )
  }
  const algorithm = signing?.algorithms[0]
  if (signing === undefined || algorithm === undefined) {
    const message = 'has no key to sign with: set jwt.privateKeyFile, jwt.secret or WAYGATE_JWT_SECRET'
    throw new ConfigError([{ source: sourceOf('jwt'), path: '$.jwt', message }])
  }
  // jsonwebtoken finds names that every object inherits in its table of rules, and fails.
  const unfit = Object.keys(claims).find(name => name in Object.prototype)
  if (unfit !== undefined) throw new UsageError(`a claim cannot be named ${unfit}`, 'token')
  const { issuer, audience } = config.jwt
  const payload = {
    ...(issuer !== undefined && { iss: first(issuer) }),
    ...(audience !== undefined && { aud: first(audience) }),
    ...claims,
    sub: subject,
  }
  try {
    return sign(payload, signing.key, algorithm, expiresInSeconds)
  } catch (error) {
    // The only error left is a registered claim of the wrong type.
    throw new UsageError((error as Error).message, 'token')
  }
}

/** @throws Error for a registered claim of the wrong type */
function sign(payload: object, key: KeyObject, algorithm: Algorithm, expiresIn: number): string {
  if (algorithm !== 'EdDSA') return jwt.sign(payload, key, { algorithm, expiresIn })
  // jsonwebtoken does not know EdDSA, but it can check and encode the claims.
  const [, claims] = jwt.sign(payload, randomBytes(32), { algorithm: 'HS256', expiresIn }).split('.')
  const head = Buffer.from(JSON.stringify({ alg: algorithm, typ: 'JWT' })).toString('base64url')
  const signed = `${head}.${claims}`
  return `${signed}.${signBytes(null, Buffer.from(signed), key).toString('base64url')}`
}

function first(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : value[0]!
}

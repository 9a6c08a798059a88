import { randomBytes, scryptSync } from 'node:crypto'
import { formatPasswordHash } from '../../internal/password-hash.ts'

/** Creates a hash of the lowest accepted cost: on a busy machine the usual one takes seconds. */
export function cheapHash(password: string): string {
  const salt = randomBytes(16)
  const hash = scryptSync(password, salt, 32, { cost: 1_024, blockSize: 1, parallelization: 1 })
  return formatPasswordHash({ logCost: 10, blockSize: 1, parallelization: 1, salt, hash })
}

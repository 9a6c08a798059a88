/** A stored password: its scrypt hash (RFC 7914) with the parameters. */
export interface PasswordHash {
  /** Base 2 logarithm of the cost N. */
  readonly logCost: number
  readonly blockSize: number
  readonly parallelization: number
  readonly salt: Buffer
  readonly hash: Buffer
}

const FORM =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/
/** The most memory that a check may take: 128 r N. */
export const MAX_SCRYPT_BYTES = 67_108_864

/**
 * Reads a hash in the PHC string format: `$scrypt$ln=14,r=8,p=5$SALT$HASH`, base64 without padding.
 *
 * @throws TypeError, whose message does not include the hash
 */
export function parsePasswordHash(text: string): PasswordHash {
  const [, ln, r, p, salt, hash] = FORM.exec(text) ?? []
  if (hash === undefined)
    throw new TypeError('must be a hash that `waygate hash-password` prints: $scrypt$ln=...')
  const [logCost, blockSize, parallelization] = [Number(ln), Number(r), Number(p)] as const
  if (logCost < 10 || blockSize < 1 || parallelization < 1) {
    throw new TypeError('must have a cost of at least ln=10, r=1 and p=1')
  }
  if (128 * blockSize * 2 ** logCost > MAX_SCRYPT_BYTES) {
    throw new TypeError('must not take more than 64 MiB for one check: 128 * r * 2^ln')
  }
  return { logCost, blockSize, parallelization, salt: bytes(salt!), hash: bytes(hash) }
}

export function formatPasswordHash({
  logCost,
  blockSize,
  parallelization,
  salt,
  hash,
}: PasswordHash): string {
  const [encodedSalt, encodedHash] = [salt, hash].map(each => each.toString('base64').replace(/=+$/, ''))
  return `$scrypt$ln=${logCost},r=${blockSize},p=${parallelization}$${encodedSalt}$${encodedHash}`
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}

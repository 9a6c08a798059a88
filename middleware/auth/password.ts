import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { MAX_SCRYPT_BYTES, type PasswordHash } from '../../internal/password-hash.ts'

/** OWASP's advice for 16 MiB: N = 2^14, r = 8, p = 5. It takes some 100 ms of one core. */
const COST = { logCost: 14, blockSize: 8, parallelization: 5 } as const
const SALT_BYTES = 16
const HASH_BYTES = 32

/** Hashes a password with a new random salt. */
export async function hashPassword(password: string): Promise<PasswordHash> {
  const wanted = { ...COST, salt: randomBytes(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) }
  return { ...wanted, hash: await derive(password, wanted) }
}

/** Reports whether `password` is the one that was hashed. Takes the same time for any password. */
export async function isPassword(password: string, known: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, known), known.hash)
}

/** Creates a hash that no password matches, as costly as `other`, so that unknown users take as long as known ones. */
export function passwordLike(other: PasswordHash): PasswordHash {
  return { ...other, salt: randomBytes(other.salt.length), hash: randomBytes(other.hash.length) }
}

/** Runs scrypt on a thread of libuv's pool, without blocking the event loop. */
function derive(
  password: string,
  { logCost, blockSize, parallelization, salt, hash }: PasswordHash,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const options = {
    cost: 2 ** logCost,
    blockSize,
    parallelization,
    // Node counts slightly more memory than the algorithm itself needs.
    maxmem: 2 * MAX_SCRYPT_BYTES,
  }
  // Different Unicode spellings of a password are the same password (RFC 8265 section 4.2).
  scrypt(password.normalize('NFC'), salt, hash.length, options, (error, derived) =>
    error ? reject(error) : resolve(derived),
  )
  return promise
}

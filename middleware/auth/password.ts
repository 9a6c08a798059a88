import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { MAX_SCRYPT_BYTES, type PasswordHash } from '../../internal/password-hash.ts'

/** As OWASP advises where 16 MiB are to be enough: N = 2^14, r = 8, p = 5; some 100 ms of one core. */
const COST = { logCost: 14, blockSize: 8, parallelization: 5 } as const
const SALT_BYTES = 16
const HASH_BYTES = 32

/** What is kept of a password, with a salt of its own. */
export async function hashPassword(password: string): Promise<PasswordHash> {
  const wanted = { ...COST, salt: randomBytes(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) }
  return { ...wanted, hash: await derive(password, wanted) }
}

/** Whether it is the password that the hash was made of. Takes as long whatever it is. */
export async function isPassword(password: string, known: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, known), known.hash)
}

/** Nobody's, that costs as much as `other`: for users that there are not, so that they take as long as others. */
export function passwordLike(other: PasswordHash): PasswordHash {
  return { ...other, salt: randomBytes(other.salt.length), hash: randomBytes(other.hash.length) }
}

/** On a thread of libuv's, so that nothing waits for it. */
function derive(
  password: string,
  { logCost, blockSize, parallelization, salt, hash }: PasswordHash,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const options = {
    cost: 2 ** logCost,
    blockSize,
    parallelization,
    // Node counts a little more than the algorithm itself needs.
    maxmem: 2 * MAX_SCRYPT_BYTES,
  }
  // Two spellings of one password are one password (RFC 8265 section 4.2).
  scrypt(password.normalize('NFC'), salt, hash.length, options, (error, derived) =>
    error ? reject(error) : resolve(derived),
  )
  return promise
}

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

// One of the equivalent settings in OWASP's password storage cheat sheet. This one needs 16 MiB per call.
const COST = { N: 2 ** 14, r: 8, p: 5 }
const KEY_BYTES = 32
const SALT_BYTES = 16

/**
 * Hashes a password as `scrypt$N$r$p$salt$key`. The hash contains its parameters, so that old hashes can
 * still be verified after the cost is raised.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, salt, KEY_BYTES, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Whether `hash` was made from `password`. Takes the same time for a wrong password as for the right one. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = hash.split('$')
  if (scheme !== 'scrypt' || salt === undefined || key === undefined) throw new Error('not a password hash')
  const expected = Buffer.from(key, 'base64url')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(password, Buffer.from(salt, 'base64url'), expected.length, cost)
  return timingSafeEqual(actual, expected)
}

function derive(password: string, salt: Buffer, bytes: number, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Different keyboards may compose the same letters differently.
    scrypt(password.normalize('NFKC'), salt, bytes, cost, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

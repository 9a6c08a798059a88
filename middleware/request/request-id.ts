import { randomBytes } from 'node:crypto'

/**
 * Makes ids that no other process makes: 64 random bits of this one, and a number. They are not secret, and the
 * next one can be guessed; a random one for each request would cost as much as finding its route.
 */
export function createRequestIds(prefix: string = randomBytes(8).toString('hex')): () => string {
  let made = 0
  return () => `${prefix}-${(++made).toString(36)}`
}

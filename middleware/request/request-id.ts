import { randomBytes } from 'node:crypto'

/**
 * Creates a generator of request ids that are unique across processes. An id is a prefix of 64 random bits, made once per
 * process, and a number. Ids are not secret, and the next one can be guessed. A random id for each request would cost as
 * much as finding its route.
 */
export function createRequestIds(): () => string {
  const prefix = randomBytes(8).toString('hex')
  let made = 0
  return () => `${prefix}-${(++made).toString(36)}`
}

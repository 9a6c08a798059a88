/** Fields that frame a message or concern one connection alone (RFC 9110 section 7.6.1), in lower case. */
export const FRAMING_FIELDS: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * Fields that tell a node who asks, and how, in lower case. With X-Forwarded-* and the headers of `jwt.claimHeaders`, they
 * are what nodes trust.
 */
export const TRUSTED_FIELDS: readonly string[] = ['forwarded', 'x-real-ip', 'x-request-id', 'x-user-id']

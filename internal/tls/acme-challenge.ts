/** Where an authority asks whether a host is under the control of who wants a certificate for it (RFC 8555 section 8.3). */
const PATH = '/.well-known/acme-challenge/'
/** RFC 8555 section 8.1 says base64url. Authorities use 43 characters. */
const TOKEN = /^[A-Za-z0-9_-]{1,256}$/

/** Longer answers are none: a token, a dot and 43 characters. */
export const MAX_ANSWER_BYTES = 4_096

/** Whether a text may be the token of a challenge. Such a text is safe as the name of a file. */
export function isAcmeToken(text: string): boolean {
  return TOKEN.test(text)
}

/**
 * Returns the token of the challenge that a request asks for; undefined when it asks for anything else.
 *
 * @param target in canonical form, including the query
 */
export function acmeTokenOf(target: string): string | undefined {
  if (!target.startsWith(PATH)) return undefined
  const query = target.indexOf('?')
  const token = target.slice(PATH.length, query === -1 ? undefined : query)
  return isAcmeToken(token) ? token : undefined
}

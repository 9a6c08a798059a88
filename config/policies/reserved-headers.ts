import { FRAMING_FIELDS, TRUSTED_FIELDS } from '../../internal/http/header-lines.ts'

/** Fields of an answer that follow from its body, or that the gateway adds. */
const ANSWER = ['content-encoding', 'x-request-id']
/** The fields X-Forwarded-* that the gateway writes. Others come from trusted proxies. */
const FORWARDED = /^x-forwarded-(?:for|host|port|prefix|proto)$/

const OURS = 'must not be set: the gateway sets it itself'

/**
 * Returns why a header must not be set in any message; undefined when it may.
 *
 * @param name in lower case
 */
export function reservedEverywhere(name: string): string | undefined {
  return FRAMING_FIELDS.includes(name) || /^(?:proxy|sec-websocket)-/.test(name) ? OURS : undefined
}

/** Fields of requests that the gateway reads, beside those of proxies and those that frame a message. */
const READ = ['content-type', 'cookie', 'host']

/**
 * Returns whether the gateway acts on a header of requests, or writes it for another purpose, so that it can be neither the
 * header of API keys nor one that carries a claim: what clients send there would be taken away.
 *
 * @param name in lower case
 */
export function isTakenInRequests(name: string): boolean {
  const isOfProxies = name !== 'x-user-id' && TRUSTED_FIELDS.includes(name)
  return isOfProxies || READ.includes(name) || FORWARDED.test(name) || reservedEverywhere(name) !== undefined
}

/**
 * Returns why a document must not set a header of requests; undefined when it may.
 *
 * @param name in lower case
 * @param identityHeaders further names, in lower case, that carry the identity
 */
export function reservedInRequests(
  name: string,
  identityHeaders: readonly string[] = [],
): string | undefined {
  // Nodes may read `_` as `-`.
  const dashed = name.replaceAll('_', '-')
  if (reservedEverywhere(dashed)) return OURS
  if (dashed === 'host') return `${OURS}; see preserveHost and rewrite.host`
  const isTrusted = TRUSTED_FIELDS.includes(dashed) || /^x-(?:forwarded|waygate)-/.test(dashed)
  return isTrusted || identityHeaders.includes(dashed) ? `${OURS}, and nodes trust it` : undefined
}

/**
 * Returns why a document must not remove a header of requests; undefined when it may. Unlike others that nodes trust, what
 * a trusted proxy says can be removed.
 *
 * @param name in lower case; of a prefix such as `x-forwarded-*`, the part before the asterisk
 * @param identityHeaders further names, in lower case, that carry the identity
 */
export function reservedFromRemoval(
  name: string,
  identityHeaders: readonly string[] = [],
): string | undefined {
  const isFromProxy = name.startsWith('x-forwarded-') && !FORWARDED.test(name)
  return isFromProxy && !identityHeaders.includes(name)
    ? undefined
    : reservedInRequests(name, identityHeaders)
}

/**
 * Returns why a document must not set a header of answers; undefined when it may.
 *
 * @param name in lower case
 */
export function reservedInAnswers(name: string): string | undefined {
  if (ANSWER.includes(name) || name.startsWith('x-waygate-')) return OURS
  return reservedEverywhere(name)
}

/**
 * Returns a header that an answer cannot do without and that begins with `prefix`. Those that the gateway adds after all
 * policies do not count.
 *
 * @param prefix in lower case
 */
export function neededInAnswers(prefix: string): string | undefined {
  return [...FRAMING_FIELDS, 'content-encoding', 'proxy-authenticate'].find(name => name.startsWith(prefix))
}

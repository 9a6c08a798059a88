import type { NodeProblem } from '../../internal/nodes/peer.ts'

/** What is known of a TLS connection whose failure is to be explained. */
export interface TlsAttempt {
  /** The name or the IP address that the certificate must be for. */
  readonly name: string
  /** What the node is registered with: `https`, `h2` or `grpcs`. */
  readonly protocol: string | undefined
  /** Whether we have a certificate that the node may ask for. */
  readonly hasCertificate: boolean
}

/** An error of a TLS socket: of the system, of OpenSSL, or of the verification of a certificate. */
interface TlsError extends Error {
  code?: string
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } }
}

const NOT_TRUSTED = /SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY_LEAF|CERT_UNTRUSTED/
/** Results of the verification of a certificate. Their codes have no prefix, unlike those of Node. */
const NOT_VERIFIED = /^(?!ERR_).*(?:CERT|CRL|ISSUER|PURPOSE|INVALID_CA|HOSTNAME|PATH_LENGTH|AKID_SKID)/
const ABOUT_OUR_CERTIFICATE = /_ALERT_(?:.*CERT.*|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$/
/** What comes of reading an answer that is no TLS. */
const NO_TLS =
  /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL)$/

/** What a node without TLS is registered with, by the protocol with which it was reached over TLS. */
const WITHOUT_TLS: Readonly<Record<string, string>> = { https: 'http', h2: 'h2c', grpcs: 'grpc' }

/** The errors that were explained, and what they say of the node. */
const explained = new WeakMap<object, NodeProblem['kind']>()

/**
 * Makes the message of an error say what is wrong with the TLS of a node, and which setting cures it. Other errors, such
 * as a refused connection, keep their messages.
 */
export function explainTlsError(error: TlsError, attempt: TlsAttempt): void {
  const { code = '' } = error
  const found = NO_TLS.test(code)
    ? `speaks no TLS: register it with protocol ${WITHOUT_TLS[attempt.protocol ?? ''] ?? 'http'}`
    : explanationOf(error, code, attempt)
  if (found === undefined) return
  error.message = found
  explained.set(error, NO_TLS.test(code) ? 'protocol' : 'tls')
}

function explanationOf(error: TlsError, code: string, attempt: TlsAttempt): string | undefined {
  const { name, hasCertificate } = attempt
  if (code === NO_HTTP2 || code.endsWith('_ALERT_NO_APPLICATION_PROTOCOL')) {
    return attempt.protocol === 'https'
      ? `the node does not speak HTTP/1.1 over TLS (${code}): register it with protocol h2 or grpcs`
      : `the node does not offer HTTP/2 in the TLS handshake (ALPN h2): enable HTTP/2 there, or register it with protocol https`
  }
  if (NOT_TRUSTED.test(code)) {
    return `the certificate of the node is not from a trusted authority (${code}): name its authority in upstream.tls.ca, or in upstreamTls.ca of a route`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { subjectaltname, subject } = error.cert ?? {}
    const names = subjectaltname ?? subject?.CN ?? 'no name'
    return `the certificate of the node is for ${names}, not for ${name}: set upstreamTls.serverName of a route to a name that it is for`
  }
  // OpenSSL says the same of each certificate up to the root.
  if (code === 'CERT_HAS_EXPIRED')
    return 'the certificate of the node, or that of its authority, has expired: renew it'
  if (code === 'CERT_NOT_YET_VALID')
    return 'the certificate of the node is not valid yet: look at the clocks of both machines'
  if (NOT_VERIFIED.test(code)) return `the certificate of the node does not verify (${code})`
  if (code.endsWith('_ALERT_UNRECOGNIZED_NAME')) {
    return `the node has no certificate for ${name} (${code}): set upstreamTls.serverName of a route to a name that it has one for`
  }
  if (ABOUT_OUR_CERTIFICATE.test(code)) {
    return hasCertificate
      ? `the node refuses our client certificate (${code}): look at upstream.tls.cert, or at upstreamTls.identity of a route`
      : `the node requires a client certificate (${code}): set upstream.tls.cert and upstream.tls.key, or upstreamTls.identity of a route`
  }
  if (/_PROTOCOL_VERSION$|_UNSUPPORTED_PROTOCOL$/.test(code))
    return `the node has no TLS version of ours (${code}): upgrade it, or lower upstream.tls.minVersion`
  if (code.startsWith('ERR_SSL_')) return `TLS with the node failed (${code})`
  return undefined
}

const NO_HTTP2 = 'ERR_WAYGATE_NO_HTTP2'

/** Returns the error of a connection over which the node speaks no HTTP/2, although it must. */
export function noHttp2(): Error {
  return Object.assign(new Error('no ALPN h2'), { code: NO_HTTP2 })
}

/** Returns what a failure of TLS says of the node; undefined for any other value. */
export function tlsProblemIn(cause: unknown): NodeProblem | undefined {
  if (!(cause instanceof Error)) return undefined
  const kind = explained.get(cause)
  return kind && { kind, reason: cause.message }
}

/**
 * Whether the node ended the handshake because of our certificate, or for want of one. In TLS 1.3 that is learnt when the
 * first request has been sent already. The node has not read it.
 */
export function isHandshakeRefusal(error: unknown): boolean {
  return explained.has(error as object) && ABOUT_OUR_CERTIFICATE.test((error as TlsError).code ?? '')
}

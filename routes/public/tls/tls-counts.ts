/** Why a handshake has failed. */
export type HandshakeFailure =
  | 'timeout'
  | 'unknown-name'
  | 'client-certificate'
  | 'untrusted'
  | 'no-common-version'
  | 'no-common-cipher'
  | 'no-common-protocol'
  | 'not-tls'
  | 'closed'
  | 'too-many'
  | 'other'

/** What became of the handshakes of clients, since the start, for metrics. */
export class TlsCounts {
  /** Handshakes that were completed, without those that resumed a session. */
  full = 0
  resumed = 0
  readonly failed: Record<HandshakeFailure, number> = {
    ...{
      timeout: 0,
      'unknown-name': 0,
      'client-certificate': 0,
      untrusted: 0,
      'no-common-version': 0,
      'no-common-cipher': 0,
    },
    ...{ 'no-common-protocol': 0, 'not-tls': 0, closed: 0, 'too-many': 0, other: 0 },
  }
}

const FAILURES: readonly (readonly [RegExp, HandshakeFailure])[] = [
  [/ERR_TLS_HANDSHAKE_TIMEOUT/, 'timeout'],
  // Alerts of clients that do not take the gateway's certificate.
  [/ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA)/, 'untrusted'],
  [/NO_CERTIFICATE_FOR_NAME|NO_CERTIFICATE_SET|NO_SUITABLE_SIGNATURE/, 'unknown-name'],
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE|CERT|SELF_SIGNED|UNABLE_TO_|CRL|REVOKED/, 'client-certificate'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|PROTOCOL_VERSION/, 'no-common-version'],
  [/NO_SHARED_CIPHER|NO_SHARED_GROUP|NO_SUITABLE_KEY_SHARE/, 'no-common-cipher'],
  [/NO_APPLICATION_PROTOCOL/, 'no-common-protocol'],
  [
    /HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|WRONG_SSL_VERSION|BAD_RECORD_TYPE|PACKET_LENGTH|RECORD_LAYER/,
    'not-tls',
  ],
  [/ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE|UNEXPECTED_EOF/, 'closed'],
]

/** Returns why a handshake has failed, from the error that Node or OpenSSL gives for it. */
export function failureOf({ code, message }: NodeJS.ErrnoException): HandshakeFailure {
  const text = `${code ?? ''} ${message}`
  return FAILURES.find(([pattern]) => pattern.test(text))?.[1] ?? 'other'
}

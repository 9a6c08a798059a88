import type { GatewayError } from './errors.ts'

/** The certificate of a client, which was verified. */
export interface ClientCertificate {
  /** RFC 4514 text, such as `CN=billing,O=Example`. */
  readonly subject: string
  /** Its subject alternative names, such as `DNS:a.example,URI:spiffe://x`; empty when it has none. */
  readonly san: string
  /** SHA-256 in lower-case hexadecimal digits. */
  readonly fingerprint: string
  /** The certificate itself, DER in base64. */
  readonly der: string
  /** Who it stands for: its first URI, or else its common name, its first other name, or its subject. */
  readonly id: string
  /** Subject alternative names with their kinds, as in `san`, and those of hosts and URIs without them too. */
  readonly names: readonly string[]
}

/** The TLS of a client's connection. */
export interface ClientTls {
  /** Such as `TLSv1.3`. */
  readonly version: string
  /** Whether the client has agreed on HTTP/2 by ALPN. */
  readonly isHttp2: boolean
  /** Undefined when the client has sent none, or one that did not verify. */
  readonly certificate: ClientCertificate | undefined
  /** The value of Strict-Transport-Security for answers; undefined = none. */
  readonly hsts: string | undefined
  /** Returns why a request for a host must not be served on this connection; undefined when it may be. */
  refusalOf(host: string): GatewayError | undefined
}

/** The property of a client's socket that says what its TLS is. Sockets without TLS do not have it. */
export const CLIENT_TLS = Symbol('client TLS')

/** What a client does: a GET, a POST, two GETs on one connection or on two, or a stream of three messages. */
export type Operation = 'get' | 'post' | 'twice' | 'again' | 'events'

/** Where a client connects to, and as whom. */
export interface Target {
  /** Such as `https://localhost:40123`. */
  readonly url: string
  /** The file of the authority that it trusts. */
  readonly ca: string
  /** Its certificate; undefined = it has none. */
  readonly own: OwnCertificate | undefined
}

export interface OwnCertificate {
  readonly cert: string
  readonly key: string
  /** Both as PKCS #12, with the password `test`. */
  readonly pkcs12: string
}

/** A program that speaks TLS. */
export interface TlsClient {
  readonly name: string
  readonly operations: readonly Operation[]
  /** Whether it verifies whom it talks to. */
  readonly verifies: boolean
  /** Whether it can have a certificate of its own. */
  readonly hasCertificate: boolean
  /** Rejects when the answer is not the right one. Undefined when the program cannot be had here. */
  readonly run: ((operation: Operation, target: Target) => Promise<void>) | undefined
}

import { type KeySealing, readCertificateDocument } from '../../config/keys/certificate-document.ts'
import type { CertificatePair } from '../../config/keys/certificate-pair.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { CertificateEntry, ParsedCertificate, TlsEntry } from '../../discovery/key-state.ts'
import type { RegistryEvent } from '../../discovery/registry.ts'
import type { LiveCertificates } from './live-certificates.ts'

export interface TlsFromRegistryOptions extends KeySealing {
  /** The prefix of certificates in the registry. */
  readonly prefix: string
  /** Receives the certificates, with their keys in the registry as their origins. */
  readonly certificates: Pick<LiveCertificates, 'replace' | 'remove' | 'noteProblem'>
  /** Whether there are certificates from elsewhere too, so that TLS does not depend on these. */
  readonly hasOthers: boolean
}

/** What the registry has for TLS: certificates, and answers to challenges of ACME. */
export class TlsFromRegistry {
  readonly #options: TlsFromRegistryOptions
  /** By token. */
  readonly #challenges = new Map<string, string>()
  readonly #loaded = Promise.withResolvers<void>()
  #count = 0
  #isLoaded = false

  constructor(options: TlsFromRegistryOptions) {
    this.#options = options
  }

  /**
   * Resolves when clients can be given certificates: when the registry has one that can be used, or none at all. One that has
   * some of which none can be used may be the fault of this process, such as a wrong seal key. Where there are certificates
   * from elsewhere, it is enough that those of the registry were read, or cannot be read.
   */
  get loaded(): Promise<void> {
    return this.#loaded.promise
  }

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** Reads a certificate of the registry. */
  parse({ key, name, document }: CertificateEntry): ParsedCertificate {
    let pair: CertificatePair
    try {
      pair = readCertificateDocument(document, name, key, this.#options)
    } catch (error) {
      return { reason: (error as Error).message }
    }
    if (pair.validUntil > Date.now()) return { pair }
    const end = new Date(pair.validUntil).toISOString()
    return { reason: `expired at ${end}, so it takes the place of no other`, stopgap: pair }
  }

  /** Applies the addition, change or removal of a key of the registry. */
  apply(before: TlsEntry | undefined, after: TlsEntry | undefined): void {
    if (before?.kind === 'acme-challenge') this.#challenges.delete(before.token)
    if (after?.kind === 'acme-challenge') this.#challenges.set(after.token, after.answer)
    const { certificates } = this.#options
    if (after?.kind === 'certificate') {
      const { key } = after.entry
      if (before === undefined) this.#count++
      try {
        certificates.replace(key, after.pair as CertificatePair)
        certificates.noteProblem(key, undefined)
      } catch (error) {
        certificates.noteProblem(key, (error as Error).message)
      }
    } else if (before?.kind === 'certificate') {
      this.#count--
      certificates.remove(before.entry.key)
    }
  }

  /** Called when an event of the registry was applied. */
  applied(event: RegistryEvent): void {
    if (event.scope !== 'certificates' || this.#isLoaded) return
    const isRead = event.type === 'snapshot' && event.from === 'store'
    const isRefused = event.type === 'status' && !event.connected
    const isEnough = this.#options.hasOthers ? isRead || isRefused : isRead && event.entries.length === 0
    if (!isEnough && this.#count === 0) return
    this.#isLoaded = true
    this.#loaded.resolve()
  }

  /** Returns the answer to a challenge; undefined when there is none for this token. */
  answerTo(token: string): string | undefined {
    return this.#challenges.get(token)
  }

  /** What is wrong, beside what is wrong with single keys. */
  problems(): KeyProblem[] {
    const { prefix, hasOthers } = this.#options
    if (hasOthers || this.#count > 0) return []
    return [
      { key: prefix, reason: 'there is no certificate that can be used, so no client gets a connection' },
    ]
  }
}

import { wildcardOf } from './alt-names.ts'

/** What the choice among certificates depends on. */
export interface NamedCertificate {
  /** Hosts in lower case, which may begin with `*.`; IPv6 addresses are in brackets. */
  readonly names: readonly string[]
  /** Whether the key is one of elliptic curves, whose signatures cost a tenth of those of RSA. */
  readonly isElliptic: boolean
  /** When it begins and ends to be valid, milliseconds since 1970. */
  readonly validFrom: number
  readonly validUntil: number
}

/** A name for which a certificate is not used, because another one has it too. */
export interface Superseded<Certificate> {
  readonly certificate: Certificate
  readonly name: string
  readonly by: Certificate
}

/**
 * Finds the certificate of a server name. Of several for one name, one that is valid now is used, of those one of elliptic
 * curves, and of those the one that began to be valid last.
 */
export class CertificateTable<Certificate extends NamedCertificate> {
  readonly #byName = new Map<string, Certificate>()
  /** The certificates that are not used for one of their names. */
  readonly superseded: readonly Superseded<Certificate>[]

  /** @param now milliseconds since 1970 */
  constructor(certificates: readonly Certificate[], now: number) {
    const byChoice = [...certificates].sort(
      (a, b) =>
        Number(isValid(b, now)) - Number(isValid(a, now)) ||
        Number(b.isElliptic) - Number(a.isElliptic) ||
        b.validFrom - a.validFrom,
    )
    const superseded: Superseded<Certificate>[] = []
    for (const certificate of byChoice) {
      for (const name of new Set(certificate.names)) {
        const by = this.#byName.get(name)
        if (by === undefined) this.#byName.set(name, certificate)
        else superseded.push({ certificate, name, by })
      }
    }
    this.superseded = superseded
  }

  /** Returns the certificate that has this very name, or else one with the wildcard that covers it. */
  find(name: string): Certificate | undefined {
    return this.#byName.get(name) ?? this.#byName.get(wildcardOf(name))
  }
}

function isValid({ validFrom, validUntil }: NamedCertificate, now: number): boolean {
  return validFrom <= now && now < validUntil
}

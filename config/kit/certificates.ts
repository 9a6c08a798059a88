import { X509Certificate } from 'node:crypto'

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

/** Says why a text is no list of certificates in PEM; undefined when it is one. */
export function certificateProblem(pem: string): string | undefined {
  const found = pem.match(CERTIFICATE) ?? []
  if (found.length === 0) return 'does not hold a certificate in PEM'
  const begun = pem.match(/-----BEGIN /g)!.length
  if (begun !== found.length) return 'holds something other than whole certificates in PEM'
  const bad = found.findIndex(each => !isCertificate(each))
  return bad === -1 ? undefined : `holds a certificate that cannot be read: number ${bad + 1}`
}

/** When an authority begins and ends to be one, milliseconds since 1970. */
export interface AuthorityDates {
  /** Its subject, in one line. */
  readonly name: string
  readonly validFrom: number
  readonly validUntil: number
}

/**
 * Reads the dates of authorities. Of several certificates of one, such as the present and the next one, the one that ends last
 * counts, since OpenSSL takes one that is valid.
 *
 * @param pem a list of certificates
 */
export function readAuthorityDates(pem: string): AuthorityDates[] {
  const byName = new Map<string, AuthorityDates>()
  for (const each of pem.match(CERTIFICATE) ?? []) {
    const { subject, validFromDate, validToDate } = new X509Certificate(each)
    // Node gives undefined for an empty subject, whatever its types say.
    const name = (subject ?? '').replaceAll('\n', ', ')
    const dates = { name, validFrom: validFromDate.getTime(), validUntil: validToDate.getTime() }
    const known = byName.get(name)
    if (known === undefined || known.validUntil < dates.validUntil) byName.set(name, dates)
  }
  return [...byName.values()]
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem)
    return true
  } catch {
    return false
  }
}

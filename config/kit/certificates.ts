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

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem)
    return true
  } catch {
    return false
  }
}

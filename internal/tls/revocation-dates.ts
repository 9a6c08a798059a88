/** When a revocation list was made, and until when it may be used, milliseconds since 1970. */
export interface RevocationDates {
  readonly madeAt: number
  readonly validUntil: number
}

const BLOCK = /-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g
/** Tags of DER. */
const TAG = { integer: 0x02, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30 } as const

/**
 * Reads `thisUpdate` and `nextUpdate` of revocation lists (RFC 5280 section 5.1), which Node does not tell.
 *
 * @param pem one or more revocation lists
 * @returns those of the list that ends first; undefined when none of them ends
 * @throws Error when one of them cannot be read
 */
export function readRevocationDates(pem: string): RevocationDates | undefined {
  let first: RevocationDates | undefined
  for (const [, base64 = ''] of pem.matchAll(BLOCK)) {
    const dates = datesOf(Buffer.from(base64, 'base64'))
    if (dates !== undefined && (first === undefined || dates.validUntil < first.validUntil)) first = dates
  }
  return first
}

function datesOf(list: Buffer): RevocationDates | undefined {
  const whole = elementAt(list, 0)
  let element = elementAt(list, elementAt(list, whole.start).start)
  // The version is left out by lists of version 1.
  if (element.tag === TAG.integer) element = elementAt(list, element.end)
  const issuer = elementAt(list, element.end)
  const [made, next] = [elementAt(list, issuer.end), elementAt(list, elementAt(list, issuer.end).end)]
  if (whole.tag !== TAG.sequence || !isTime(made)) throw new Error('a revocation list cannot be read')
  return isTime(next) ? { madeAt: timeOf(list, made), validUntil: timeOf(list, next) } : undefined
}

interface Element {
  readonly tag: number
  /** Where its content begins and ends. */
  readonly start: number
  readonly end: number
}

/** @throws RangeError when there is none */
function elementAt(bytes: Buffer, at: number): Element {
  const tag = bytes.readUInt8(at)
  const first = bytes.readUInt8(at + 1)
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  const count = first - 0x80
  const start = at + 2 + count
  return { tag, start, end: start + bytes.readUIntBE(at + 2, count) }
}

function isTime({ tag }: Element): boolean {
  return tag === TAG.utcTime || tag === TAG.generalizedTime
}

/** Reads a time as RFC 5280 section 4.1.2.5 has it: `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` from then on. */
function timeOf(bytes: Buffer, { tag, start, end }: Element): number {
  let digits = bytes.toString('latin1', start, end - 1)
  if (tag === TAG.utcTime) digits = (Number(digits.slice(0, 2)) < 50 ? '20' : '19') + digits
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(digits) ?? []
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(time)) throw new Error('a revocation list has no valid time')
  return time
}

const SECONDS = /^\d{1,9}$/

/**
 * How long an answer asks to be left alone (RFC 9110 section 10.2.3), milliseconds; undefined when it does not.
 *
 * @param headers flat
 * @param wallClock milliseconds since 1970, against which a date is read
 */
export function retryAfterMs(headers: readonly string[], wallClock: number): number | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== 11 || headers[i]!.toLowerCase() !== 'retry-after') continue
    const value = headers[i + 1]!
    if (SECONDS.test(value)) return Number(value) * 1000
    const date = Date.parse(value)
    return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock)
  }
  return undefined
}

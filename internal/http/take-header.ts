/**
 * Takes every line of a header out of flat header lines.
 *
 * @param name in lower case
 * @param pattern lines with another value are left; undefined = none is
 * @returns its value, several joined as RFC 9110 section 5.3 reads them; undefined when there is none
 */
export function takeHeader(headers: string[], name: string, pattern?: RegExp): string | undefined {
  let value: string | undefined
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const line = headers[i]!
    if (line.length !== name.length || line.toLowerCase() !== name) continue
    if (pattern !== undefined && !pattern.test(headers[i + 1]!)) continue
    value = value === undefined ? headers[i + 1]! : `${headers[i + 1]}, ${value}`
    headers.splice(i, 2)
  }
  return value
}

import { isIPv6 } from 'node:net'

/** Judges an authority character by character, in the words of the RFCs, without a regular expression. */
export function isWellFormedAuthority(text: string): boolean {
  let host = text
  let port = ''
  const isBracketed = text.startsWith('[')
  const colon = isBracketed ? text.indexOf(':', text.indexOf(']') + 1) : text.indexOf(':')
  if (isBracketed && !text.includes(']')) return false
  if (colon !== -1) {
    host = text.slice(0, colon)
    port = text.slice(colon + 1)
    if (port.length > 5 || [...port].some(digit => !'0123456789'.includes(digit)) || Number(port) > 65_535)
      return false
  }
  if (isBracketed) return host.endsWith(']') && !host.includes('%') && isIPv6(host.slice(1, -1))
  const labels = host.split('.')
  if (labels.length > 1 && labels.at(-1) === '') labels.pop()
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~'
  return (
    labels.join('.').length <= 253 &&
    labels.every(
      label => label.length >= 1 && label.length <= 63 && [...label].every(each => letters.includes(each)),
    )
  )
}

const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i

/**
 * Chooses the content coding that a client likes best (RFC 9110 section 12.5.3).
 *
 * @param accept Accept-Encoding, all lines joined; undefined when the client has sent none
 * @param offered names in lower case, the preferred one first: it wins among those that the client likes equally
 * @returns undefined when the answer should be sent as it is: the client accepts none of them, likes that better, or has
 *   not said what it accepts
 */
export function chooseEncoding<Name extends string>(
  accept: string | undefined,
  offered: readonly Name[],
): Name | undefined {
  if (accept === undefined) return undefined
  const weights = weightsOf(accept)
  const others = weights.get('*') ?? 0
  let best: Name | undefined
  let bestWeight = 0
  for (const name of offered) {
    const weight = weights.get(name) ?? others
    if (weight > bestWeight) {
      best = name
      bestWeight = weight
    }
  }
  return (weights.get('identity') ?? 0) > bestWeight ? undefined : best
}

/** Returns the weights by name, in lower case. A member that is malformed accepts nothing. */
function weightsOf(accept: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of accept.toLowerCase().split(',')) {
    const [name = '', parameter, ...more] = member.split(';').map(part => part.trim())
    const [, digits] = parameter === undefined ? [undefined, '1'] : (WEIGHT.exec(parameter) ?? [])
    const weight = digits === undefined || more.length > 0 ? 0 : Number(digits)
    // RFC 9110 section 8.4.1.3: `x-gzip` is another name of `gzip`.
    const known = name === 'x-gzip' ? 'gzip' : name
    weights.set(known, Math.max(weight, weights.get(known) ?? 0))
  }
  return weights
}

/** Returns the query of a target, without its question mark; '' when there is none. */
export function queryOf(target: string): string {
  const at = target.indexOf('?')
  return at === -1 ? '' : target.slice(at + 1)
}

/** Returns the first parameter of that name, decoded once; undecoded where its percent-encoding is malformed. */
export function queryParameter(target: string, name: string): string | undefined {
  for (const pair of queryOf(target).split('&')) {
    if (parameterName(pair) === name) return parameterValue(pair)
  }
  return undefined
}

/** Returns a target without the query parameters of that name, however it is encoded. */
export function withoutParameter(target: string, name: string): string {
  const query = queryOf(target)
  const pairs = query.split('&')
  const kept = pairs.filter(pair => parameterName(pair) !== name)
  if (kept.length === pairs.length) return target
  const path = target.slice(0, target.length - query.length - 1)
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`
}

/** Returns the decoded name of a pair of a query, such as `a=1`. */
export function parameterName(pair: string): string {
  const equals = pair.indexOf('=')
  return decodeQuery(equals === -1 ? pair : pair.slice(0, equals))
}

/** Returns the decoded value of a pair of a query; '' when it has none. */
export function parameterValue(pair: string): string {
  const equals = pair.indexOf('=')
  return equals === -1 ? '' : decodeQuery(pair.slice(equals + 1))
}

const ENCODED = /[%+]/

function decodeQuery(text: string): string {
  if (!ENCODED.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

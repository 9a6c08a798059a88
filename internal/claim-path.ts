/** The payload of a token. */
export type Claims = Readonly<Record<string, unknown>>

/** Returns the claim with this name or, when there is none, the one that the dots in the name lead to. */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Claims)[name]
  }
  return value
}

// Each kind of step begins with another character, so the expression never backtracks.
const STEP = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,4})\]|\[("(?:[^"\\]|\\.)*")\]/y

/**
 * Compiles a path to a function that reads one claim. A path is the name of a claim, names joined by dots, or a
 * JSON path of plain steps such as `$.realms[0]["https://a.example/roles"]` (RFC 9535 without wildcards and filters).
 *
 * @throws TypeError when the path begins with `$` and is not such a JSON path
 */
export function compileClaimPath(path: string): (claims: Claims) => unknown {
  if (!path.startsWith('$')) return claims => claimAt(claims, path)
  const steps: (string | number)[] = []
  STEP.lastIndex = 1
  while (STEP.lastIndex < path.length) {
    const [, name, index, quoted] = STEP.exec(path) ?? []
    if (name !== undefined) steps.push(name)
    else if (index !== undefined) steps.push(Number(index))
    else if (quoted !== undefined) steps.push(unquote(quoted))
    else throw malformed()
  }
  if (steps.length === 0) throw malformed()
  return claims => {
    let value: unknown = claims
    for (const step of steps) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
      value = (value as Record<string | number, unknown>)[step]
    }
    return value
  }
}

function unquote(quoted: string): string {
  try {
    return JSON.parse(quoted)
  } catch {
    throw malformed()
  }
}

function malformed(): TypeError {
  return new TypeError('must be a claim, names joined by dots, or a JSON path such as $.a["b.c"][0]')
}

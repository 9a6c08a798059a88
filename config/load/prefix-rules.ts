import { type Finding, jsonPath, type Path, show } from '../kit/problem.ts'
import type { Config } from '../schema.ts'

/**
 * Checks the prefixes of all keys that are read from etcd, also against each other: a key below two of them would be read
 * as two things.
 */
export function* findPrefixProblems({ discovery, apiKeys, jwt, tls }: Config): Generator<Finding> {
  const prefixes = prefixesOf({ discovery, apiKeys, jwt, tls })
  for (const [index, { path, prefix }] of prefixes.entries()) {
    if (isOfEveryKey(prefix)) {
      yield { path, message: `must contain a name: ${show(prefix)} is the prefix of every key` }
      continue
    }
    if (!prefix.endsWith('/')) {
      yield {
        path,
        message: `must end with "/", because ${show(prefix)} is also the beginning of longer names`,
      }
    }
    const other = prefixes.slice(0, index).find(known => {
      if (isOfEveryKey(known.prefix)) return false
      // A source that overlaps the prefix of services replaces it.
      if (known.path[1] === 'servicesPrefix' && path[1] === 'sources') return false
      return known.prefix.startsWith(prefix) || prefix.startsWith(known.prefix)
    })
    if (!other) continue
    yield {
      path,
      message: `must not overlap with ${jsonPath(other.path).slice(2)}: ${show(prefix)} and ${show(other.prefix)}`,
    }
  }
}

function isOfEveryKey(prefix: string): boolean {
  return /^\/*$/.test(prefix)
}

/** Every prefix that is in use. What reads another one from etcd adds it here. */
function prefixesOf({ discovery, apiKeys, jwt, tls }: Pick<Config, 'discovery' | 'apiKeys' | 'jwt' | 'tls'>) {
  const { servicesPrefix, routesPrefix, policiesPrefix, sources } = discovery
  const { descriptorsPrefix, certificatesPrefix, acmePrefix } = discovery
  const all: readonly { readonly path: Path; readonly prefix: string | null | false }[] = [
    { path: ['discovery', 'servicesPrefix'], prefix: servicesPrefix },
    { path: ['discovery', 'routesPrefix'], prefix: routesPrefix },
    { path: ['discovery', 'policiesPrefix'], prefix: policiesPrefix },
    ...sources.map(({ prefix }, index) => ({ path: ['discovery', 'sources', index, 'prefix'], prefix })),
    { path: ['discovery', 'descriptorsPrefix'], prefix: descriptorsPrefix },
    { path: ['discovery', 'certificatesPrefix'], prefix: tls.fromEtcd && certificatesPrefix },
    { path: ['discovery', 'acmePrefix'], prefix: tls.fromEtcd && acmePrefix },
    { path: ['apiKeys', 'prefix'], prefix: apiKeys.enabled && apiKeys.prefix },
    { path: ['jwt', 'revocations', 'prefix'], prefix: jwt.revocations.enabled && jwt.revocations.prefix },
  ]
  return all.flatMap(({ path, prefix }) => (prefix === null || prefix === false ? [] : [{ path, prefix }]))
}

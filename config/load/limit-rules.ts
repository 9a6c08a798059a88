import { type Finding, notAddress, together, under } from '../kit/problem.ts'
import type { Config } from '../schema.ts'

type LimitStore = NonNullable<Config['rateLimits']['store']>

/** Finds what is wrong with the store of shared limits beyond its schema. */
export function* findLimitStoreProblems({ store }: Config['rateLimits']): Generator<Finding> {
  if (store !== undefined) yield* under(['rateLimits', 'store'], storeProblems(store))
}

function* storeProblems(store: LimitStore): Generator<Finding> {
  const { url, urls, cluster, tls, username, passwordFile, prefix } = store
  if (url === undefined && urls === undefined) {
    yield { path: ['url'], message: 'is missing: say where the store is, such as redis://127.0.0.1:6379' }
  }
  if (url !== undefined && urls !== undefined)
    yield { path: ['urls'], message: 'must not be there beside url' }
  if (urls !== undefined && !cluster)
    yield { path: ['urls'], message: 'is for a cluster: set cluster to true' }
  if (cluster && urls === undefined)
    yield { path: ['urls'], message: 'is missing: cluster needs it in place of url' }
  if (cluster && prefix.includes('{')) {
    const message = 'must not have "{": in a cluster, what follows it would decide alone where a key is kept'
    yield { path: ['prefix'], message }
  }
  const addresses = [
    ...(url === undefined ? [] : [[['url'], url] as const]),
    ...(urls ?? []).map((each, index) => [['urls', index], each] as const),
  ]
  for (const [path, address] of addresses) {
    const message = addressProblem(address, cluster)
    if (message !== undefined) yield { path: [...path], message }
  }
  const schemes = new Set(addresses.map(([, address]) => /^rediss?:/.exec(address)?.[0]))
  if (schemes.size > 1) yield { path: ['urls'], message: 'must be either all redis:// or all rediss://' }
  if (tls !== undefined && !schemes.has('rediss:')) {
    yield { path: ['tls'], message: 'needs an address that begins with rediss://, and there is none' }
  }
  yield* together(['tls'], { certFile: tls?.certFile, keyFile: tls?.keyFile })
  if (username !== undefined && passwordFile === undefined) {
    yield { path: ['passwordFile'], message: 'is missing: username needs it' }
  }
}

function addressProblem(address: string, isCluster: boolean): string | undefined {
  const like = isCluster ? 'redis://10.0.0.7:6379' : 'redis://10.0.0.7:6379/0'
  if (!/^rediss?:\/\/[^/?#\s]+(?:\/\d{0,4})?$/.test(address) || !URL.canParse(address)) {
    return `must be like ${like}${notAddress(address)}`
  }
  const { username, password, pathname } = new URL(address)
  if (username !== '' || password !== '') return 'must not hold a user: set username and passwordFile'
  if (isCluster && pathname.length > 1) return 'must not name a database: a cluster has one'
  return undefined
}

import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import { parseAddress } from '../../internal/nodes/node.ts'
import { type Finding, notAddress, show, together, under } from '../kit/problem.ts'
import { membersOf } from '../kit/values.ts'
import { findPolicyProblems } from '../policies/policies.ts'
import { NO_COOKIE_SECRET, type RuleContext } from '../policies/policy-rule.ts'
import { findBalancerProblems, needsCookieSecret } from '../route/balancer-rule.ts'
import { findSizeProblems } from '../route/document-size.ts'
import { findHealthCheckProblems } from '../route/health-check.ts'
import { findPolicySetNameProblems, findPolicySetRuleProblems } from '../route/read-policy-set.ts'
import { findRouteRuleProblems } from '../route/read-route-document.ts'
import { findServiceLimitProblems } from '../route/resilience-rules.ts'
import type { Config } from '../schema.ts'
import { findAuthProblems, isLoopback } from './auth-rules.ts'
import { findLimitStoreProblems } from './limit-rules.ts'
import { findPrefixProblems } from './prefix-rules.ts'
import { ruleContext } from './route-context.ts'
import { findTlsProblems } from './tls-rules.ts'

/** Finds what the schema cannot express: the grammar of addresses, and fields that belong together. */
export function* findRuleProblems(config: Config): Generator<Finding> {
  yield* rangeProblems(['trustedProxies'], config.trustedProxies)
  yield* rangeProblems(['proxyProtocol', 'from'], config.proxyProtocol.from)
  yield* rangeProblems(['discovery', 'allowedAddresses'], config.discovery.allowedAddresses)
  yield* adminProblems(config)
  if (config.port !== 0 && config.port === config.adminPort && sharesAddress(config.host, config.adminHost)) {
    yield {
      path: ['adminPort'],
      message: `must not be ${config.port}, which is the port of the gateway itself`,
    }
  }
  yield* nameServerProblems(config.upstream.dns.servers ?? [])
  yield* accessLogProblems(config.accessLog)
  const { cert, key } = config.upstream.tls
  yield* together(['upstream', 'tls'], { cert, key })
  yield* etcdProblems(config.etcd)
  // No other registry connects to etcd.
  if (config.discovery.registry === 'etcd') yield* protocolProblems(config.etcd)
  yield* discoveryProblems(config.discovery)
  yield* findPrefixProblems(config)
  yield* stickyCookieProblems(config.routes)
  yield* under(['serviceLimit'], findServiceLimitProblems(config.serviceLimit))
  yield* findAuthProblems(config)
  yield* findTlsProblems(config)
  yield* findLimitStoreProblems(config.rateLimits)
  yield* tracingProblems(config.tracing)
  yield* findRoutesRuleProblems(config, {
    ...ruleContext(config),
    hasCookieSecret: hasCookieSecret(config.routes),
  })
}

/**
 * Finds a listener that everybody could read, tokens that are one, whose role would depend on their order, and services that
 * would bind nothing.
 */
function* adminProblems({ adminHost, adminToken, admin: { tokens } }: Config): Generator<Finding> {
  if (!isLoopback(adminHost) && adminToken === undefined && Object.keys(tokens).length === 0) {
    yield {
      path: ['adminHost'],
      message: `${show(adminHost)} is not loopback, so an admin token is required: set WAYGATE_ADMIN_TOKEN or admin.tokens`,
    }
  }
  const known = new Map<string, string>()
  if (adminToken !== undefined) known.set(hash('sha256', adminToken), 'adminToken')
  for (const [name, { sha256, role, services }] of Object.entries(tokens)) {
    if (services !== undefined && role !== 'register') {
      yield {
        path: ['admin', 'tokens', name, 'services'],
        message: `is for the role register alone, not for ${role}`,
      }
    }
    const other = known.get(sha256)
    if (other !== undefined)
      yield { path: ['admin', 'tokens', name, 'sha256'], message: `is the hash of ${other} as well` }
    known.set(sha256, `admin.tokens.${name}`)
  }
}

/** Finds what is wrong with the address of the collector. */
function* tracingProblems({ endpoint }: Config['tracing']): Generator<Finding> {
  if (endpoint === undefined) return
  const path = ['tracing', 'endpoint']
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:\/\//i.test(endpoint)) {
    yield { path, message: `must be an address such as http://localhost:4318${notAddress(endpoint)}` }
  } else if (url.username !== '' || url.password !== '') {
    yield {
      path,
      message: 'must have no user and password: set `headers`, as in {"authorization": "Basic ..."}',
    }
  } else if (url.hash !== '') {
    yield { path, message: 'must have no #' }
  }
}

function* rangeProblems(path: readonly string[], ranges: readonly string[]): Generator<Finding> {
  for (const [index, range] of ranges.entries()) {
    if (isRange(range)) continue
    yield {
      path: [...path, index],
      message: `must be an IP address or a CIDR range, not ${show(range)}`,
    }
  }
}

function* nameServerProblems(servers: readonly string[]): Generator<Finding> {
  for (const [index, server] of servers.entries()) {
    if (isIP(hostOf(server)) !== 0) continue
    yield {
      path: ['upstream', 'dns', 'servers', index],
      message: `must be an IP address, with a port or without, not ${show(server)}`,
    }
  }
}

function* accessLogProblems(accessLog: Config['accessLog']): Generator<Finding> {
  if (typeof accessLog === 'boolean' || accessLog.format !== 'combined' || !accessLog.fields) return
  yield {
    path: ['accessLog', 'fields'],
    message:
      'must be absent with the format combined, whose fields are fixed: use json or logfmt to choose them',
  }
}

/** Returns the host of `host:port`; a text without a port as it is. */
function hostOf(address: string): string {
  try {
    return parseAddress(address).host
  } catch {
    return address
  }
}

function hasCookieSecret({ stickyCookie }: Config['routes']): boolean {
  return stickyCookie.secret !== undefined || stickyCookie.secretFile !== undefined
}

function* stickyCookieProblems(routes: Config['routes']): Generator<Finding> {
  if (hasCookieSecret(routes)) return
  const { defaults, documents } = routes
  const message = `sticky-cookie ${NO_COOKIE_SECRET}`
  if (needsCookieSecret(defaults.balancer)) yield { path: ['routes', 'defaults', 'balancer'], message }
  for (const [id, { balancer }] of Object.entries(documents)) {
    if (needsCookieSecret(balancer)) yield { path: ['routes', 'documents', id, 'balancer'], message }
  }
}

/** Checks the rules of all routes in the file. The document need not have passed the schema. */
export function* findRoutesRuleProblems(document: unknown, context: RuleContext = {}): Generator<Finding> {
  const { defaults, documents, policies } = membersOf(membersOf(document).routes)
  const { balancer, healthCheck } = membersOf(defaults)
  yield* under(['routes', 'defaults', 'balancer'], findBalancerProblems(balancer, undefined))
  yield* under(['routes', 'defaults', 'healthCheck'], findHealthCheckProblems(healthCheck))
  yield* under(['routes', 'defaults'], findPolicyProblems(defaults, context))
  for (const [name, set] of Object.entries(membersOf(policies))) {
    yield* under(['routes', 'policies', name], findPolicySetNameProblems(name))
    yield* under(['routes', 'policies', name], findSizeProblems(set))
    yield* under(['routes', 'policies', name], findPolicySetRuleProblems(set, context))
  }
  for (const [id, route] of Object.entries(membersOf(documents))) {
    yield* under(['routes', 'documents', id], findSizeProblems(route))
    yield* under(['routes', 'documents', id], findRouteRuleProblems(route, context))
  }
}

function* etcdProblems({
  endpoints = [],
  embedded,
  user,
  password,
  cert,
  key,
}: Config['etcd']): Generator<Finding> {
  for (const [index, endpoint] of endpoints.entries()) {
    if (!isEndpoint(endpoint)) {
      yield {
        path: ['etcd', 'endpoints', index],
        message: `must be like http://10.0.0.5:2379, without path or user${notAddress(endpoint)}`,
      }
    }
  }
  const address = tryParseAddress(embedded)
  if (address === undefined) {
    yield { path: ['etcd', 'embedded'], message: `must be host:port, not ${show(embedded)}` }
  } else if (!isLoopback(address.host)) {
    yield {
      path: ['etcd', 'embedded'],
      message: `must be on loopback, not ${show(embedded)}, because it has no authentication`,
    }
  }
  yield* together(['etcd'], { user, password })
  yield* together(['etcd'], { cert, key })
}

/** Checks that endpoints and TLS files fit together. An endpoint that is neither http nor https is reported elsewhere. */
function* protocolProblems({ endpoints = [], ca, cert, key }: Config['etcd']): Generator<Finding> {
  const protocols = endpoints.map(endpoint => /^https?:/.exec(endpoint)?.[0])
  const first = protocols.find(protocol => protocol !== undefined)
  const other = protocols.findIndex(protocol => protocol !== undefined && protocol !== first)
  if (other !== -1) {
    yield {
      path: ['etcd', 'endpoints', other],
      message: `must begin with ${first}// like those before it: members are either all http or all https`,
    }
  }
  if (protocols.includes('https:') || (endpoints.length > 0 && first === undefined)) return
  const [file] = Object.entries({ ca, cert, key }).find(([, value]) => value !== undefined) ?? []
  if (file === undefined) return
  yield { path: ['etcd', file], message: 'needs endpoints that begin with https://, and there are none' }
}

function* discoveryProblems({ registry, file }: Config['discovery']): Generator<Finding> {
  if (registry === 'file' && file === undefined) {
    yield { path: ['discovery', 'file'], message: 'is missing: the registry "file" needs it' }
  } else if (registry !== 'file' && file !== undefined) {
    yield {
      path: ['discovery', 'file'],
      message: `is only used by the registry "file", but discovery.registry is ${show(registry)}`,
    }
  }
}

function isEndpoint(text: string): boolean {
  if (!/^https?:\/\/[^/?#@\s]*[^/?#@\s:]\/?$/.test(text) || !URL.canParse(text)) return false
  const { port } = new URL(text)
  return port !== '0'
}

function isRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

function tryParseAddress(text: string): { host: string; port: number } | undefined {
  try {
    const address = parseAddress(text)
    return address.port <= 65_535 ? address : undefined
  } catch {
    return undefined
  }
}

function sharesAddress(a: string, b: string): boolean {
  return a === b || a === '0.0.0.0' || b === '0.0.0.0' || a === '::' || b === '::'
}

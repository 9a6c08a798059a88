import { availableParallelism } from 'node:os'
import type { AuthenticatorName } from '../../internal/routing/route.ts'
import type { Keys } from '../keys/keys.ts'
import type { RuleContext } from '../policies/policy-rule.ts'
import { ANY_TOKEN, NO_TOKEN } from '../route/route-auth.ts'
import type { RouteContext } from '../route/route-document.ts'
import type { Config } from '../schema.ts'

/** Returns what a configuration decides about every route document, wherever the document comes from. */
export function routeContext(config: Config, keys: Pick<Keys, 'jwt' | 'issuers' | 'stickyCookie'>) {
  // If there is a key, routes require a token unless they set `auth`.
  const isOpenByDefault = !keys.jwt && !keys.issuers
  return {
    defaults: config.routes.defaults,
    grpc: config.grpc,
    isOpenByDefault,
    defaultAuth: isOpenByDefault ? NO_TOKEN : ANY_TOKEN,
    hasCookieSecret: keys.stickyCookie !== undefined,
    authenticators: configuredAuthenticators(config),
    identities: new Set(Object.keys(config.upstream.tls.identities)),
    ...ruleContext(config),
  } satisfies Omit<RouteContext, 'origin'>
}

/** Returns how many processes the gateway has. */
export function processCount({ workers }: Pick<Config, 'workers'>): number {
  return workers === 0 ? availableParallelism() : workers
}

/** Returns the authenticators that routes may name. Without a key, a route that asks for a token refuses every request. */
export function configuredAuthenticators({
  apiKeys,
  basic,
  tls,
}: Pick<Config, 'apiKeys' | 'basic' | 'tls'>): Set<AuthenticatorName> {
  const names = new Set<AuthenticatorName>(['jwt'])
  if (apiKeys.enabled) names.add('api-key')
  if (basic.usersFile !== undefined || Object.keys(basic.users).length > 0) names.add('basic')
  if (tls.clientAuth !== undefined) names.add('mtls')
  return names
}

/** Returns what the rules of policies are judged with, wherever they are written. */
export function ruleContext(config: Config) {
  const { clientLimits, rateLimits, tls, trustedProxies } = config
  return {
    identityHeaders: identityHeadersOf(config),
    hasLimitStore: rateLimits.store !== undefined,
    workers: processCount(config),
    clientLimits,
    knowsTls: trustedProxies.length > 0 || hasCertificates(tls),
  } satisfies Omit<RuleContext, 'document'>
}

/** Returns whether the gateway can serve TLS. */
export function hasCertificates({ cert, certificates, fromEtcd }: Config['tls']): boolean {
  return cert !== undefined || certificates.length > 0 || fromEtcd
}

/** What nodes are told of the client's certificate. */
const CERTIFICATE_HEADERS = ['x-client-cert-subject', 'x-client-cert-san', 'x-client-cert-fingerprint']

/** Returns the lower-case names of the headers that tell nodes the identity; only the gateway may set them. */
export function identityHeadersOf({ jwt }: Pick<Config, 'jwt'>): string[] {
  // Nodes trust x-user-id even when a map of claims without it has replaced the default.
  return [
    'x-user-id',
    ...CERTIFICATE_HEADERS,
    ...Object.values(jwt.claimHeaders).map(name => name.toLowerCase()),
  ]
}

/** Headers with credentials, beside the one of API keys. */
const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie']

/** Returns the lower-case names of the headers in which clients and nodes send what must not reach others. */
export function credentialHeadersOf({ apiKeys }: Pick<Config, 'apiKeys'>): string[] {
  return [...CREDENTIALS, apiKeys.header.toLowerCase()]
}

import { type Finding, show, together } from '../kit/problem.ts'
import type { Config } from '../schema.ts'
import { isLoopback } from './auth-rules.ts'
import { hasCertificates } from './route-context.ts'

const DEFAULT_PORT = 8_443
/** A host name, which may begin with `*.`. */
const HOST = /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/

/** Returns the port for TLS; undefined = there is none. */
export function tlsPortOf(tls: Config['tls']): number | undefined {
  return tls.port ?? (hasCertificates(tls) ? DEFAULT_PORT : undefined)
}

/** Finds what the schema cannot express about TLS for clients: fields that belong together. */
export function* findTlsProblems(config: Config): Generator<Finding> {
  const { tls } = config
  yield* together(['tls'], { cert: tls.cert, key: tls.key })
  yield* etcdProblems(config)
  const port = tlsPortOf(tls)
  if (port === undefined) {
    for (const field of ['clientAuth', 'hsts', 'default'] as const) {
      if (tls[field] !== undefined) yield { path: ['tls', field], message: NO_CERTIFICATE }
    }
    if (tls.plain !== 'serve') yield { path: ['tls', 'plain'], message: NO_CERTIFICATE }
    return
  }
  if (!hasCertificates(tls)) yield { path: ['tls', 'port'], message: NO_CERTIFICATE }
  if (port !== 0) {
    const others = [
      ['the gateway itself', tls.plain === 'off' ? 0 : config.port],
      ['the admin listener', config.adminPort],
    ] as const
    for (const [whose, other] of others) {
      if (port === other)
        yield { path: ['tls', 'port'], message: `must not be ${port}, which is the port of ${whose}` }
    }
  }
  for (const [index, host] of (tls.clientAuth?.hosts ?? []).entries()) {
    if (HOST.test(host)) continue
    yield { path: ['tls', 'clientAuth', 'hosts', index], message: `must be a host name, not ${show(host)}` }
  }
}

function* etcdProblems({ tls, discovery: { registry } }: Config): Generator<Finding> {
  if (!tls.fromEtcd) return
  if (registry !== 'etcd') {
    yield { path: ['tls', 'fromEtcd'], message: `needs etcd, but discovery.registry is ${show(registry)}` }
  }
  if (tls.sealKeyFile === undefined && !tls.plainKeys) {
    yield {
      path: ['tls', 'sealKeyFile'],
      message: 'is missing: private keys in etcd are sealed with it, unless tls.plainKeys is true',
    }
  }
}

/** Returns what an operator may not have meant, one line each. */
export function tlsWarnings({ host, port, tls }: Config): string[] {
  if (tlsPortOf(tls) === undefined || tls.plain !== 'serve' || isLoopback(host)) return []
  return [
    `requests are also served without TLS, at port ${port}; set tls.plain to "redirect" or "off" unless that is meant`,
  ]
}

const NO_CERTIFICATE = 'needs a certificate: set tls.cert and tls.key, tls.certificates or tls.fromEtcd'

import { normaliseHost } from '../http/authority.ts'

/** The subject alternative names of a certificate that are of use here. */
export interface AltNames {
  /** Host names in lower case; the first label may be `*`. */
  readonly hosts: readonly string[]
  /** IP addresses, spelled as hosts: `10.0.0.1`, `[::1]`. */
  readonly addresses: readonly string[]
  readonly uris: readonly string[]
  /** All of them in their order, as `DNS:a.example,URI:spiffe://x`: what nodes are told of a client's certificate. */
  readonly text: string
}

const LABELS: Readonly<Record<string, string>> = {
  ...{ DNS: 'DNS', 'IP Address': 'IP', URI: 'URI', email: 'EMAIL' },
}
/** A name with a comma, a quote or a control in it is written as a JSON string, and is none that could be of use. */
const ENTRY = /(?:^|, )([A-Za-z ]+):(?:"(?:[^"\\]|\\.)*"|([^,]*))/g
const HOST = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/
/** What may stand in a header field without quotes. */
const PLAIN = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+$/

/** Reads the `subjectAltName` of node:crypto's X509Certificate; undefined = the certificate has none. */
export function readAltNames(subjectAltName: string | undefined): AltNames {
  const hosts: string[] = []
  const addresses: string[] = []
  const uris: string[] = []
  const all: string[] = []
  for (const [, label = '', name = ''] of (subjectAltName ?? '').matchAll(ENTRY)) {
    const kind = LABELS[label]
    // A name that cannot be written into a header could pretend to be several.
    if (kind === undefined || !PLAIN.test(name)) continue
    all.push(`${kind}:${name}`)
    if (kind === 'DNS' && HOST.test(name.toLowerCase())) hosts.push(name.toLowerCase())
    if (kind === 'IP') addresses.push(hostOfName(name))
    if (kind === 'URI') uris.push(name)
  }
  return { hosts, addresses, uris, text: all.join(',') }
}

/** Returns the host that a name of a certificate stands for. An IPv6 address may lack its brackets. */
export function hostOfName(name: string): string {
  return normaliseHost(/^[^[].*:/.test(name) ? `[${name}]` : name)
}

/** Returns whether one of the names stands for a host: exactly, or by a wildcard for its first label. */
export function coversHost(names: readonly string[], host: string): boolean {
  return names.includes(host) || names.includes(wildcardOf(host))
}

/** Returns the wildcard that covers a host: `*.b.c` for `a.b.c`. */
export function wildcardOf(host: string): string {
  const dot = host.indexOf('.')
  return dot <= 0 ? '*' : `*${host.slice(dot)}`
}

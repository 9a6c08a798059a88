import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { normaliseHost } from '../../../internal/http/authority.ts'
import type { ClientCertificate, ClientTls } from '../../../internal/http/client-tls.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { coversHost, readAltNames } from '../../../internal/tls/alt-names.ts'

/** Which requests may be served on connections, whatever name a client has asked for when it connected. */
export interface HostRules {
  /** Returns the names of the certificate that clients get for a server name; undefined = they get the default one. */
  readonly namesFor: (serverName: string) => readonly string[] | undefined
  /** Returns whether a host asks for client certificates. */
  readonly asksForCertificate: (host: string) => boolean
}

/** Returns what is to be known of a connection whose handshake is over. */
export function readClientTls(socket: TLSSocket, rules: HostRules, hsts: string | undefined): ClientTls {
  const serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : ''
  const asked = rules.asksForCertificate(serverName)
  const names = rules.namesFor(serverName)
  const certificate = asked ? verifiedCertificate(socket) : undefined
  /** The host of the last request, which most often is that of the next one too. */
  let served: string | undefined
  return {
    version: socket.getProtocol() ?? 'TLS',
    isHttp2: socket.alpnProtocol === 'h2',
    certificate: certificate && describeCertificate(certificate),
    hsts,
    refusalOf(authority) {
      if (authority === served) return undefined
      const host = normaliseHost(authority)
      // Without a name to look for, a client has taken whatever certificate there is.
      const isCovered = names === undefined || isAddress(host) || coversHost(names, host)
      if (!isCovered || rules.asksForCertificate(host) !== asked) return new GatewayError('WG_MISDIRECTED')
      served = authority
      return undefined
    },
  }
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || isIP(host) !== 0
}

/**
 * Returns the client's certificate if it was verified. A session that is resumed without one counts as verified for Node, so
 * there must be one.
 */
export function verifiedCertificate(socket: TLSSocket): X509Certificate | undefined {
  return socket.authorized ? socket.getPeerX509Certificate() : undefined
}

function describeCertificate(certificate: X509Certificate): ClientCertificate {
  const { uris, text } = readAltNames(certificate.subjectAltName)
  // Node gives undefined for an empty subject, whatever its types say. An issuer may name workloads by URIs alone.
  const written: string = certificate.subject ?? ''
  const subject = rfc4514(written)
  const kinds = text === '' ? [] : text.split(',')
  // A name of another kind must not pass for one of a host.
  const names = kinds.flatMap(name => (/^(?:DNS|URI):/.test(name) ? [name, name.slice(4)] : [name]))
  return {
    ...{ subject, names, san: text },
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    der: certificate.raw.toString('base64'),
    id: uris[0] ?? commonNameOf(written) ?? kinds[0] ?? subject,
  }
}

/** Returns the most specific common name, unless it could be taken for a URI. */
function commonNameOf(subject: string): string | undefined {
  const written = [...subject.matchAll(/^CN=(.+)$/gm)].at(-1)?.[1]
  const name = written?.replace(/\\([,+"\\<>;= #])/g, '$1')
  return name === undefined || /[:/]/.test(name) ? undefined : name
}

/** Turns the lines of node:crypto into one text with the most specific part first (RFC 4514). */
function rfc4514(subject: string): string {
  return subject
    .split('\n')
    .filter(line => line !== '')
    .reverse()
    .map(escapeUnprintable)
    .join(',')
}

/** Node has escaped what RFC 4514 asks for. What a header cannot hold is escaped as bytes. */
function escapeUnprintable(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, character =>
    [...Buffer.from(character)].map(byte => `\\${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
  )
}

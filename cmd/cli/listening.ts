import type { AddressInfo } from 'node:net'
import { addressOf } from '../../internal/nodes/node.ts'

/** Returns `http://host:port` of a bound listener. */
export function urlOf({ address, port }: AddressInfo, scheme = 'http'): string {
  return `${scheme}://${addressOf({ host: address, port })}`
}

/** Returns a URL of an admin listener without slashes at its end; undefined when the text is none. */
export function readAdminUrl(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    return undefined
  return url.href.replace(/\/+$/, '')
}

/** Says what is wrong with a text that `readAdminUrl` cannot read. */
export function notAnAdminUrl(text: string): string {
  // The link of the page has the token in its fragment, which is not shown again.
  const shown = text.replace(/[?#].*/s, '')
  return shown === text
    ? `must be an http or https URL, not ${text}`
    : `must be a URL without query and fragment, such as http://127.0.0.1:9180; the token is read from WAYGATE_ADMIN_TOKEN`
}

/** Returns the URLs for the log: `public`, and `tls` where there is another one for TLS. */
export function publicUrlsOf({
  plain,
  tls,
}: {
  readonly plain: AddressInfo | undefined
  readonly tls: AddressInfo | undefined
}): { public: string; tls?: string } {
  if (plain === undefined) return { public: urlOf(tls!, 'https') }
  return { public: urlOf(plain), ...(tls && { tls: urlOf(tls, 'https') }) }
}

/** Returns the URL of a bound listener for a client on this machine: loopback if it is bound to every address. */
export function localUrlOf({ address, port, family }: AddressInfo): string {
  const any = address === '0.0.0.0' || address === '::'
  return urlOf({ address: any ? '127.0.0.1' : address, port, family })
}

interface ListenError extends NodeJS.ErrnoException {
  readonly address?: string
  readonly hostname?: string
  readonly port?: number
}

/** The system calls that bind a port. Files and programs fail with the same codes for other reasons. */
const SYSCALLS = new Set(['listen', 'bind', 'getaddrinfo'])

const IN_USE =
  'it is in use; stop what listens there, or choose another port with --port, --tls-port or --admin-port'

/** Explains in one line why a port cannot be bound; undefined for any other error. */
export function describeListenError(error: unknown): string | undefined {
  const { code, syscall = '', address, hostname, port } = error as ListenError
  if (!SYSCALLS.has(syscall)) return undefined
  // Errors about an unknown host have no port, and neither do those about port 0.
  const host = address ?? hostname ?? ''
  const where = port === undefined ? host : `${host}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: ${IN_USE}`
    case 'EACCES':
      return `cannot listen on ${where}: permission denied`
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${where}: not an address of this machine`
    case 'ENOTFOUND':
      return `cannot listen on ${where}: no such host`
    default:
      return undefined
  }
}

/** The parts of an endpoint's URL. */
export interface EndpointUrl {
  readonly url: string
  readonly secure: boolean
  /** An IPv6 address without brackets. */
  readonly host: string
  readonly port: number
}

/**
 * Parses `http(s)://host:port`. Without a protocol it is http, and without a port 2379.
 *
 * @throws TypeError when it is anything else
 */
export function parseEndpoint(url: string): EndpointUrl {
  const match = /^(?:(https?):\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@?#[\]]+))(?::(\d{1,5}))?\/?$/.exec(
    url.trim(),
  )
  // The URL is not shown, because it may contain a password.
  if (!match) throw new TypeError('an etcd endpoint must be http(s)://host:port, without a path or user info')
  const [, protocol = 'http', v6, name = '', port = '2379'] = match
  return { url, secure: protocol === 'https', host: v6 ?? name, port: Number(port) }
}

/** Whether a host is a loopback address or name. */
export function isLoopbackHost(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1' || /^(?:[^.]+\.)*localhost\.?$/i.test(host)
}

/** A URL of etcd in parts. */
export interface EndpointUrl {
  readonly url: string
  readonly secure: boolean
  /** An IPv6 address without brackets. */
  readonly host: string
  readonly port: number
}

/** @throws TypeError when it is not `http(s)://host:port` */
export function parseEndpoint(url: string): EndpointUrl {
  const match = /^(?:(https?):\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@?#[\]]+))(?::(\d{1,5}))?\/?$/.exec(url)
  // Not shown: what is wrong with it may be a password in it.
  if (!match) throw new TypeError('an etcd endpoint must be http(s)://host:port, without path or user')
  const [, protocol = 'http', v6, name = '', port = '2379'] = match
  return { url, secure: protocol === 'https', host: v6 ?? name, port: Number(port) }
}

/** Whether an address is this machine's alone. */
export function isLoopbackHost(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1' || /^(?:[^.]+\.)*localhost\.?$/i.test(host)
}

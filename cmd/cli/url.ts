import type { AddressInfo } from 'node:net'
import { addressOf } from '../../internal/nodes/node.ts'

/** `http://host:port` of a bound listener. */
export function urlOf({ address, port }: AddressInfo): string {
  return `http://${addressOf({ host: address, port })}`
}

/** The same for a client on this machine: every-address becomes loopback. */
export function localUrlOf({ address, port, family }: AddressInfo): string {
  const any = address === '0.0.0.0' || address === '::'
  return urlOf({ address: any ? '127.0.0.1' : address, port, family })
}

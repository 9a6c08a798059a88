import { createHmac, type KeyObject } from 'node:crypto'
import { cookieOf } from '../../internal/http/cookies.ts'
import type { ServicePeers } from '../../internal/nodes/node-table.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { StickyCookie } from '../../internal/routing/route.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'
import { headerOf } from './request-key.ts'

/** The nodes of a service and the cookie that stands for each. */
interface Seals {
  readonly peers: readonly Peer[]
  readonly values: ReadonlyMap<string, string>
  readonly nodes: ReadonlyMap<string, string>
}

/**
 * The cookies by which clients come back to their node. A value is the HMAC-SHA256 of service and node id: it says
 * nothing of the node, nobody without the key can make the value of another, and every gateway with the same key
 * makes the same. Values are compared by looking them up, so a request costs no signature.
 */
export class StickyCookies {
  readonly #key: KeyObject
  readonly #seals = new WeakMap<ServicePeers, Seals>()

  constructor(key: KeyObject) {
    this.#key = key
  }

  /** The id of the node that a request's cookie stands for; undefined without one that we made for a node there is. */
  nodeOf(request: UpstreamRequest, service: ServicePeers): string | undefined {
    const value = cookieOf(request.headers, cookieName(request.route.stickyCookie, service.name))
    return value === undefined ? undefined : this.#sealsOf(service).nodes.get(value)
  }

  /** The Set-Cookie line that brings the client back to a node. */
  setCookie(request: UpstreamRequest, service: ServicePeers, node: string): string {
    // A node that has gone since it was chosen is sealed like any other; its cookie is renewed next time.
    const value = this.#sealsOf(service).values.get(node) ?? this.#seal(service.name, node)
    const secure = headerOf(request.headers, 'x-forwarded-proto') === 'https' ? '; Secure' : ''
    return `${cookieName(request.route.stickyCookie, service.name)}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}`
  }

  #sealsOf(service: ServicePeers): Seals {
    const known = this.#seals.get(service)
    if (known?.peers === service.peers) return known
    const values = new Map(
      service.peers.map(({ node }) => [
        node.id,
        known?.values.get(node.id) ?? this.#seal(service.name, node.id),
      ]),
    )
    const nodes = new Map([...values].map(([node, value]) => [value, node]))
    const seals: Seals = { peers: service.peers, values, nodes }
    this.#seals.set(service, seals)
    return seals
  }

  #seal(service: string, node: string): string {
    return createHmac('sha256', this.#key).update(`${service}\0${node}`).digest('base64url')
  }
}

/** Of a service's own name the two characters are replaced that no cookie may have; no name has their substitutes. */
function cookieName(cookie: StickyCookie | undefined, service: string): string {
  return cookie?.name ?? `waygate-${service.replaceAll('@', '!').replaceAll(':', '|')}`
}

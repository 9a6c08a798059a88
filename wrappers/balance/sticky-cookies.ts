import { createHmac, type KeyObject } from 'node:crypto'
import { getCookie, getHeader, type SameSite, sessionCookie } from '../../internal/http/header-lines.ts'
import type { PeerGroup } from '../../internal/nodes/node-table.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { StickyCookie } from '../../internal/routing/route.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'

/** The nodes of a group, each with the cookie value that stands for it. */
interface Seals {
  readonly peers: readonly Peer[]
  readonly values: ReadonlyMap<string, string>
  readonly nodes: ReadonlyMap<string, string>
}

/**
 * Makes and reads the cookies that bring clients back to their node. A value is the HMAC-SHA256 of service and node id.
 * It reveals nothing about the node, cannot be forged without the key, and is the same in every gateway with the same
 * key. A value is checked by looking it up, so a request costs no signature.
 */
export class StickyCookies {
  readonly #key: KeyObject
  readonly #sameSite: SameSite
  readonly #seals = new WeakMap<PeerGroup, Seals>()

  constructor(key: KeyObject, sameSite: SameSite) {
    this.#key = key
    this.#sameSite = sameSite
  }

  /** Returns the id of the node that a request's cookie stands for; undefined without a cookie of a current node. */
  nodeOf(request: UpstreamRequest, group: PeerGroup): string | undefined {
    const value = getCookie(request.headers, cookieName(request.route.stickyCookie, group.name))
    return value === undefined ? undefined : this.#sealsOf(group).nodes.get(value)
  }

  /** Returns the value of the Set-Cookie header that brings the client back to a node. */
  setCookie(request: UpstreamRequest, group: PeerGroup, node: string): string {
    // A node that was removed since it was chosen gets a cookie, too. The client's next request replaces it.
    const value = this.#sealsOf(group).values.get(node) ?? this.#seal(group.name, node)
    const isSecure = getHeader(request.headers, 'x-forwarded-proto') === 'https'
    return sessionCookie(cookieName(request.route.stickyCookie, group.name), value, isSecure, this.#sameSite)
  }

  #sealsOf(group: PeerGroup): Seals {
    const known = this.#seals.get(group)
    if (known?.peers === group.peers) return known
    const values = new Map(
      group.peers.map(({ node }) => [node.id, known?.values.get(node.id) ?? this.#seal(group.name, node.id)]),
    )
    const nodes = new Map([...values].map(([node, value]) => [value, node]))
    const seals: Seals = { peers: group.peers, values, nodes }
    this.#seals.set(group, seals)
    return seals
  }

  #seal(service: string, node: string): string {
    return createHmac('sha256', this.#key).update(`${service}\0${node}`).digest('base64url')
  }
}

/** Replaces `@` and `:`, which cookie names must not have, by characters that no service name has. */
function cookieName(cookie: StickyCookie | undefined, service: string): string {
  return cookie?.name ?? `waygate-${service.replaceAll('@', '!').replaceAll(':', '|')}`
}

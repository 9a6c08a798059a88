import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

export interface NodeNameOptions {
  /** A name, or an IP address, which is never looked up. */
  readonly host: string
  /** How often the name is looked up; 0 = never. Default 0. */
  readonly dnsRefreshMs?: number | undefined
  /** Returns the addresses of a name. Default: as the system resolves it. */
  readonly resolveName?: ((name: string) => Promise<readonly string[]>) | undefined
}

/** Follows the addresses that the name of a node stands for. */
export class NodeName {
  readonly #options: NodeNameOptions
  /** When to look the name up again; Infinity during a look-up, undefined when there is no name to follow. */
  #lookUpAt: number | undefined

  constructor(options: NodeNameOptions) {
    this.#options = options
    const { host, dnsRefreshMs = 0 } = options
    this.#lookUpAt = dnsRefreshMs > 0 && isIP(host) === 0 ? performance.now() + dnsRefreshMs : undefined
  }

  /** Whether there is a name to look up from time to time. */
  get isFollowed(): boolean {
    return this.#lookUpAt !== undefined
  }

  /**
   * Looks the name up when it is time. When it cannot be resolved, the addresses known last stand.
   *
   * @param now milliseconds on the monotonic clock
   * @param onAddresses called with the present addresses, at least one
   */
  follow(now: number, onAddresses: (addresses: readonly string[]) => void): void {
    if (this.#lookUpAt !== undefined && now >= this.#lookUpAt) void this.#lookUp(onAddresses)
  }

  async #lookUp(onAddresses: (addresses: readonly string[]) => void): Promise<void> {
    const { host, dnsRefreshMs = 0, resolveName = addressesOf } = this.#options
    this.#lookUpAt = Number.POSITIVE_INFINITY
    const addresses = await resolveName(host).catch((): readonly string[] => [])
    this.#lookUpAt = performance.now() + dnsRefreshMs
    if (addresses.length > 0) onAddresses(addresses)
  }
}

async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}

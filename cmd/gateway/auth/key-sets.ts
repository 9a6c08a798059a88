import type { Config } from '../../../config/schema.ts'
import type { Logger } from '../../../discovery/logger.ts'
import { Jwks } from './jwks.ts'

/** The key sets of issuers. One that several configurations in a row name is fetched on and keeps its keys. */
export class KeySets {
  readonly #logger: Logger
  /** By everything that a set is made of, and how many times it is open. */
  readonly #open = new Map<string, { readonly set: Jwks; uses: number }>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Returns the set at the `jwksUrl` of an issuer, which is being fetched. The caller closes it. */
  open(
    { jwksUrl, algorithms }: Config['jwt']['issuers'][number],
    { jwt: { jwks } }: Pick<Config, 'jwt'>,
  ): Jwks {
    const options = {
      ...{ url: jwksUrl!, algorithms },
      refreshMs: jwks.refreshSeconds * 1000,
      cooldownMs: jwks.cooldownSeconds * 1000,
    }
    const name = JSON.stringify(options)
    const known = this.#open.get(name)
    if (known) {
      known.uses++
      return known.set
    }
    const set = new Jwks({ ...options, logger: this.#logger })
    this.#open.set(name, { set, uses: 1 })
    set.start()
    return set
  }

  /** Closes sets as often as they were opened; nobody fetches a set that nobody has open. */
  close(sets: readonly Jwks[]): void {
    for (const [name, known] of this.#open) {
      known.uses -= sets.filter(set => set === known.set).length
      if (known.uses > 0) continue
      known.set.close()
      this.#open.delete(name)
    }
  }
}

import { isDeepStrictEqual } from 'node:util'
import type { Keys } from '../../config/keys/keys.ts'
import type { Config } from '../../config/schema.ts'

/** A configuration, and what its key files hold. */
export interface Inputs {
  readonly config: Config
  readonly keys: Keys
}

/** Something that is made of the settings. Read `current` at each use: a reload replaces it. */
export interface Live<T> {
  readonly current: T
}

/** A document of the registry that fitted the settings before, and does not fit the new ones. */
export interface RefusedDocument {
  readonly id: string
  /** Every problem with its JSON path. */
  readonly reason: string
}

/** What a reload would put in force. Exactly one of the two functions is called. */
export interface Prepared {
  /** Documents that are no longer used. Absent: none. */
  readonly refused?: readonly RefusedDocument[]
  /** Takes effect at once. Never throws. */
  swap(): void
  /** Closes what was opened for it. */
  discard(): void
}

type Prepare = (next: Inputs) => Promise<Prepared | undefined>

/** How a part is made of the settings. */
export interface LivePart<T> {
  /** Returns what the part is made of. It is made again when this has changed. */
  readonly of: (inputs: Inputs) => unknown
  /** @throws Error when it cannot be made; a reload is refused then */
  readonly open: (inputs: Inputs) => T | Promise<T>
  /** Closes a part that is no longer used, or never was. Calls under way may still end in it. */
  readonly close?: (part: T) => void
}

/**
 * The settings that a gateway runs with. Parts read them at each use, and keep no copy of what a reload can change. A reload
 * makes everything new first, which takes as long as it takes, and then replaces it within one turn of the event loop. So no
 * request ever sees some of the old settings and some of the new ones, and a reload that fails has changed nothing.
 */
export class Settings implements Inputs {
  /** Deeply frozen. */
  config: Config
  keys: Keys
  readonly #onError: (error: unknown) => void
  readonly #prepares: Prepare[] = []
  readonly #afterwards: (() => void)[] = []

  /** @param onError is called with errors that are bugs of the gateway */
  constructor({ config, keys }: Inputs, onError: (error: unknown) => void) {
    this.config = config
    this.keys = keys
    this.#onError = onError
  }

  /** Makes a part that takes time, that may fail, or that must be closed. The caller closes the last one. */
  async open<T>({ of, open, close }: LivePart<T>): Promise<Live<T>> {
    const live = { current: await open(this) }
    let madeOf = of(this)
    this.onPrepare(async next => {
      const wanted = of(next)
      if (isDeepStrictEqual(wanted, madeOf)) return undefined
      const made = await open(next)
      return {
        swap() {
          const old = live.current
          live.current = made
          madeOf = wanted
          close?.(old)
        },
        discard: () => close?.(made),
      }
    })
    return live
  }

  /** Makes something at once, and again after each reload. It may read parts that were made before it. `make` must not throw. */
  derive<T>(make: (inputs: Inputs) => T): Live<T> {
    const live = { current: make(this) }
    this.onSwap(() => {
      live.current = make(this)
    })
    return live
  }

  /** Adds a step before each reload, which may refuse it by throwing. */
  onPrepare(prepare: Prepare): void {
    this.#prepares.push(prepare)
  }

  /** Adds a step that follows in the turn of each reload, in the order in which steps are added. */
  onSwap(act: () => void): void {
    this.#afterwards.push(act)
  }

  /**
   * Makes everything that other settings need, without using it.
   *
   * @throws Error with the reason why they cannot be used; nothing of them is left open then
   */
  async prepare(next: Inputs): Promise<Prepared> {
    const prepared: Prepared[] = []
    const discard = () => {
      for (const each of prepared) this.#run(() => each.discard())
    }
    try {
      for (const prepare of this.#prepares) {
        const part = await prepare(next)
        if (part) prepared.push(part)
      }
    } catch (error) {
      discard()
      throw error
    }
    return {
      refused: prepared.flatMap(({ refused = [] }) => refused),
      discard,
      swap: () => {
        this.config = next.config
        this.keys = next.keys
        for (const each of prepared) this.#run(() => each.swap())
        for (const act of this.#afterwards) this.#run(act)
      },
    }
  }

  /** Runs a step. A bug in one of them must not keep the others from following. */
  #run(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#onError(error)
    }
  }
}

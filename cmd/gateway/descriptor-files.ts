import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../discovery/logger.ts'
import { writeWhole } from '../../discovery/write-whole.ts'

/**
 * The descriptors that nodes have given, as files beside the copy of the table, for a start while no node can be asked. Each
 * set of etcd's endpoints has its own folder, since services of the same name in two clusters may differ. A file that cannot
 * be read or written causes a warning, never an error.
 */
export class DescriptorFiles {
  readonly #folder: string
  readonly #logger: Logger
  /** The last write of each path that is under way. */
  readonly #writes = new Map<string, Promise<void>>()

  /**
   * @param dataDir the folder of the copy of the table
   * @param endpoints of etcd
   */
  constructor(dataDir: string, endpoints: readonly string[], logger: Logger) {
    const digest = hash('sha256', [...endpoints].sort().join(' '))
    this.#folder = join(dataDir, `descriptors-${digest.slice(0, 8)}`)
    this.#logger = logger
  }

  /** Returns the set of a service; undefined when there is none. */
  read(service: string): Buffer | undefined {
    const path = this.#pathOf(service)
    try {
      return readFileSync(path)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#logger.warn({ path, reason: message }, 'ignoring the descriptors on disk')
      return undefined
    }
  }

  /**
   * Writes the set of a service, in the background: to a temporary file, which then takes the place of the old one. The last one
   * that was given stays.
   */
  write(service: string, bytes: Uint8Array): void {
    const path = this.#pathOf(service)
    const written = Promise.resolve(this.#writes.get(path))
      .then(() => writeWhole(path, bytes))
      .catch((error: Error) =>
        this.#logger.warn({ path, reason: error.message }, 'writing the descriptors failed'),
      )
      .then(() => {
        if (this.#writes.get(path) === written) this.#writes.delete(path)
      })
    this.#writes.set(path, written)
  }

  #pathOf(service: string): string {
    return join(this.#folder, `${encodeURIComponent(service)}.binpb`)
  }
}

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../discovery/logger.ts'

/**
 * The descriptors that nodes have given, as files beside the copy of the table, for a start while no node can be asked. A
 * file that cannot be read or written causes a warning, never an error.
 */
export class DescriptorFiles {
  readonly #folder: string
  readonly #logger: Logger

  /** @param dataDir the folder of the copy of the table */
  constructor(dataDir: string, logger: Logger) {
    this.#folder = join(dataDir, 'descriptors')
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

  /** Writes the set of a service, in the background: to a temporary file, which then takes the place of the old one. */
  write(service: string, bytes: Uint8Array): void {
    void this.#write(this.#pathOf(service), bytes)
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.${randomUUID()}.tmp`
    try {
      await mkdir(this.#folder, { recursive: true })
      await writeFile(temporary, bytes, { mode: 0o600 })
      await rename(temporary, path)
    } catch (error) {
      this.#logger.warn({ path, reason: (error as Error).message }, 'writing the descriptors failed')
      await rm(temporary, { force: true }).catch(() => {})
    }
  }

  #pathOf(service: string): string {
    return join(this.#folder, `${encodeURIComponent(service)}.binpb`)
  }
}

/** A command line that cannot be understood; one line for stderr, and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'

  /** @param command whose help to point at; undefined for the program's own. */
  constructor(message: string, command?: string) {
    const program = command === undefined ? 'waygate' : `waygate ${command}`
    super(`${program}: ${message}; see ${program} --help`)
  }
}

import { stat } from 'node:fs/promises'

/** Files that are read together, such as a certificate and its key. */
export interface FollowedSet {
  readonly paths: readonly string[]
  /**
   * Is called when a file of the set has changed.
   *
   * @throws Error when what the files hold now cannot be used
   */
  readonly readAgain: () => void
  /** Is called with why the set cannot be used, and with undefined when it can be used again. */
  readonly onProblem: (reason: string | undefined) => void
}

interface State {
  readonly set: FollowedSet
  stamp: string
  /** Whether the last reading has failed and is not reported yet. */
  isDoubtful: boolean
  isReported: boolean
}

const INTERVAL_MS = 500
/** Time for each file, so that a thousand of them cost no more than a hundredth of a core. */
const INTERVAL_PER_FILE_MS = 5

/**
 * Notices within a second that files have changed, up to a hundred of them; more take longer. It asks for their times, as no
 * other way sees links that are switched, folders that are replaced, and network file systems alike.
 *
 * Files that belong together cannot be replaced at once. So a set that cannot be used is read once more at the next look
 * before that is reported. Its owner calls `close()`.
 */
export class FollowedFiles {
  readonly #states: State[] = []
  /** Resolves when every file was looked at once. */
  readonly ready: Promise<void>
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(sets: readonly FollowedSet[]) {
    const files = sets.reduce((sum, { paths }) => sum + paths.length, 0)
    this.#intervalMs = Math.max(INTERVAL_MS, files * INTERVAL_PER_FILE_MS)
    this.ready = sets.length > 0 ? this.#begin(sets) : Promise.resolve()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #begin(sets: readonly FollowedSet[]): Promise<void> {
    for (const set of sets) {
      this.#states.push({ set, stamp: await stampOf(set.paths), isDoubtful: false, isReported: false })
    }
    // What was written between their first reading and now would be missed.
    for (const state of this.#states) state.isDoubtful = true
    await this.#look()
  }

  async #look(): Promise<void> {
    for (const state of this.#states) {
      const stamp = await stampOf(state.set.paths)
      if (this.#isClosed) return
      const hasChanged = stamp !== state.stamp
      if (hasChanged || state.isDoubtful) readAgain(state, !hasChanged)
      state.stamp = stamp
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), this.#intervalMs).unref()
  }
}

function readAgain(state: State, isSecondTry: boolean): void {
  try {
    state.set.readAgain()
    state.isDoubtful = false
    if (state.isReported) state.set.onProblem(undefined)
    state.isReported = false
  } catch (error) {
    state.isDoubtful = !isSecondTry
    if (!isSecondTry) return
    state.isReported = true
    state.set.onProblem((error as Error).message)
  }
}

/** Returns a text that differs when a file was replaced, written to, or has come or gone. */
async function stampOf(paths: readonly string[]): Promise<string> {
  const stamps: string[] = []
  for (const path of paths) {
    stamps.push(
      await stat(path, { bigint: true }).then(
        ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(),
        (error: NodeJS.ErrnoException) => String(error.code),
      ),
    )
  }
  return stamps.join(';')
}

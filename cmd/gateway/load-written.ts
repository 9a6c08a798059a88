import { setTimeout as wait } from 'node:timers/promises'
import { ReloadRefused } from '../../routes/admin/reload-types.ts'

const LOOK_MS = 100
const MAX_LOOKS = 20

/**
 * Loads files until they are the same 100 ms later. They may be written at the moment of the signal, and the first half of a
 * configuration may be one too, without the keys that close its routes.
 *
 * @param load reads the files anew each time, and throws what is wrong with them
 * @returns what `load` has returned last
 * @throws ReloadRefused when they change for 2 s, and what `load` throws
 */
export async function loadWritten<Loaded>(
  load: () => Loaded,
  isSame: (one: Loaded, other: Loaded) => boolean,
): Promise<Loaded> {
  let before = attempt(load)
  for (let look = 0; look < MAX_LOOKS; look++) {
    await wait(LOOK_MS)
    const now = attempt(load)
    if (isSameAttempt(before, now, isSame)) return now()
    before = now
  }
  const message = 'the files of the configuration change while they are read; reload when they are written'
  throw new ReloadRefused([{ path: '', message }])
}

interface Attempt<Loaded> {
  /** @throws what was thrown */
  (): Loaded
  readonly error?: Error
}

function attempt<Loaded>(load: () => Loaded): Attempt<Loaded> {
  try {
    const loaded = load()
    return () => loaded
  } catch (error) {
    const fail = () => {
      throw error
    }
    return Object.assign(fail, { error: error as Error })
  }
}

function isSameAttempt<Loaded>(
  one: Attempt<Loaded>,
  other: Attempt<Loaded>,
  isSame: (one: Loaded, other: Loaded) => boolean,
): boolean {
  if (one.error ?? other.error) return one.error?.message === other.error?.message
  return isSame(one(), other())
}

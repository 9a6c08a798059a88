import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { decodeText } from '../internal/text/decode-text.ts'
import { MAX_SERVICES_FILE } from './file-registry-document.ts'
import { FolderWatch } from './file-registry-folder.ts'

/** The text of a file, or the reason why it cannot be read. */
export type FileContent =
  | { readonly text: string; readonly reason?: undefined }
  | { readonly text?: undefined; readonly reason: string }

/** When a file is read. */
export interface ContentTimes {
  /** Time between reads of the file while no change is reported. Default 2,000. */
  readonly pollMs?: number | undefined
  /** Time between the two reads that must return the same content before it is used. Default 100. */
  readonly settleMs?: number | undefined
}

export interface FollowContentOptions extends ContentTimes {
  readonly signal: AbortSignal
  /** Called with the first content, and then with each that differs from the last one reported. */
  readonly onContent: (content: FileContent) => void
  /** Called when the file was read and its content is the one reported last. */
  readonly onSame: () => void
}

/**
 * Reports every content of a file that stays the same for `settleMs`, until `signal` aborts. The file may be
 * missing, written in place, replaced by a rename, or reached through symbolic links that are switched, as
 * Kubernetes does with `..data` in the folder of a ConfigMap.
 *
 * Changes are noticed by watching the folder. Some file systems report nothing, and links may lead elsewhere,
 * so the file is also read every `pollMs`. The texts are compared rather than the modification times, which
 * can be the same for two quick writes.
 */
export async function followContent(path: string, options: FollowContentOptions): Promise<void> {
  const { signal, pollMs = 2_000, settleMs = 100, onContent, onSame } = options
  const wait = createWait(signal)
  const folder = new FolderWatch(dirname(path), wait.wake)
  let reported: FileContent | undefined
  let seen: FileContent | undefined
  try {
    while (!signal.aborted) {
      await folder.check()
      const content = await readContent(path)
      if (signal.aborted) return
      if (isSame(content, reported)) {
        onSame()
        await wait.untilWoken(pollMs)
        // Other programs may write to this folder all the time. That must not cause a read for each write.
        await wait.throughout(settleMs)
      } else if (isSame(content, seen)) {
        reported = content
        onContent(content)
      } else await wait.throughout(settleMs)
      seen = content
    }
  } finally {
    folder.close()
  }
}

/** Reads a file as UTF-8. Returns its text, or a reason for people that does not contain the file's name. */
export async function readContent(path: string): Promise<FileContent> {
  try {
    const about = await stat(path)
    if (about.isDirectory()) return { reason: 'it is a folder' }
    // Opening a named pipe would wait until somebody writes to it.
    if (!about.isFile()) return { reason: 'it is not a regular file' }
    if (about.size > MAX_SERVICES_FILE) return { reason: `it is larger than ${MAX_SERVICES_FILE} bytes` }
    const bytes = await readFile(path)
    try {
      return { text: decodeText(bytes) }
    } catch (error) {
      return { reason: `it ${(error as Error).message}` }
    }
  } catch (error) {
    return { reason: reasonOf(error as NodeJS.ErrnoException) }
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file'
  if (code === 'EACCES') return 'permission denied'
  return code ?? message
}

function isSame(a: FileContent, b: FileContent | undefined): boolean {
  return a.text === b?.text && a.reason === b?.reason
}

/** Creates waits that end when `signal` aborts. */
function createWait(signal: AbortSignal) {
  let isWoken = false
  let end = () => {}
  let onWake = () => {}
  signal.addEventListener('abort', () => end(), { once: true })
  const throughout = (delayMs: number): Promise<void> => {
    if (signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(() => end(), delayMs).unref()
      end = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  return {
    throughout,
    /**
     * Waits up to `delayMs`, or until `wake()` is called. Returns at once when that happened since the last
     * wait.
     */
    async untilWoken(delayMs: number): Promise<void> {
      onWake = () => end()
      if (!isWoken) await throughout(delayMs)
      onWake = () => {}
      isWoken = false
    },
    wake: () => {
      isWoken = true
      onWake()
    },
  }
}

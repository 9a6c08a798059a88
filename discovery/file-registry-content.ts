import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FolderWatch } from './file-registry-folder.ts'

/** What a file holds, or why that cannot be said. */
export type FileContent =
  | { readonly text: string; readonly reason?: undefined }
  | { readonly text?: undefined; readonly reason: string }

export interface FollowContentOptions {
  readonly signal: AbortSignal
  /** Between two looks at the file although nothing was heard of a change. Default 2,000. */
  readonly pollMs?: number | undefined
  /** Between the two looks that must find the same before it is believed. Default 100. */
  readonly settleMs?: number | undefined
  /** The first content, and each that differs from the one told before. */
  readonly onContent: (content: FileContent) => void
  /** The file was read and holds what was told last. */
  readonly onSame: () => void
}

/** Some ten thousand nodes. To parse as many takes a second or two, and meanwhile nothing else happens. */
const MAX_BYTES = 1_048_576

/**
 * Tells of every content of a file that stays for a moment, until `signal` aborts. The file may be missing,
 * written in place, replaced by a rename, or reached through symbolic links that are switched, as Kubernetes does
 * with `..data` in the folder of a ConfigMap.
 *
 * The folder tells of changes. Some file systems tell nothing, and links may lead elsewhere, so the file is also
 * read every `pollMs`; the text is compared and not its time, which two quick writes can share.
 */
export async function followContent(path: string, options: FollowContentOptions): Promise<void> {
  const { signal, pollMs = 2_000, settleMs = 100, onContent, onSame } = options
  const wait = createWait(signal)
  const folder = new FolderWatch(dirname(path), wait.wake)
  let told: FileContent | undefined
  let seen: FileContent | undefined
  try {
    while (!signal.aborted) {
      await folder.check()
      const content = await readContent(path)
      if (signal.aborted) return
      if (isSame(content, told)) {
        onSame()
        await wait.untilWoken(pollMs)
        // Others may write to this folder without a pause; it need not be read as often.
        await wait.throughout(settleMs)
      } else if (isSame(content, seen)) {
        told = content
        onContent(content)
      } else await wait.throughout(settleMs)
      seen = content
    }
  } finally {
    folder.close()
  }
}

/** The text of a file as UTF-8, or for people why there is none; without the file's name. */
export async function readContent(path: string): Promise<FileContent> {
  try {
    const about = await stat(path)
    if (about.isDirectory()) return { reason: 'it is a folder' }
    // To open a named pipe is to wait for whoever writes to it.
    if (!about.isFile()) return { reason: 'it is no regular file' }
    if (about.size > MAX_BYTES) return { reason: `it has more than ${MAX_BYTES} bytes` }
    return { text: await readFile(path, 'utf8') }
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

/** Waits that end when `signal` aborts. */
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
    /** Ends early when woken; at once when that happened since the last such wait. */
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

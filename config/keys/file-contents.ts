import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

/** Reads a whole file by its absolute path. Throws like `readFileSync`. */
export type ReadFile = (path: string) => Buffer

/** The contents of files when they were read, as base64 by path, which can be sent to another process. */
export type FileContents = Readonly<Record<string, string>>

/** Reads files from disk and records their contents, so that other processes can be given the same. */
export function createFileRecord(): { readonly readFile: ReadFile; contents(): FileContents } {
  const read = new Map<string, string>()
  return {
    readFile(path) {
      const content = readFileSync(path)
      read.set(path, content.toString('base64'))
      return content
    },
    contents: () => Object.fromEntries(read),
  }
}

/** Makes a reader of recorded contents, which does not see later changes of the files. */
export function readFrom(contents: FileContents): ReadFile {
  return path => {
    const content = contents[path]
    if (content === undefined)
      throw Object.assign(new Error(`${path} was not read before`), { code: 'ENOENT' })
    return Buffer.from(content, 'base64')
  }
}

/**
 * Reads a file that may have been replaced by anything while this process runs. Throws like `readFileSync`, and for what is
 * not a file: a pipe would hold up the process until somebody writes to it.
 */
export const readWhileRunning: ReadFile = path => {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    if (!fstatSync(file).isFile())
      throw Object.assign(new Error('it is not a file'), { code: 'it is not a file' })
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

/** Explains why a file cannot be read, for people, without its path. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      return 'no such file'
    case 'EACCES':
      return 'permission denied'
    case 'EISDIR':
      return 'it is a folder'
    default:
      return code ?? String(error)
  }
}

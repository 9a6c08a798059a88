import { readFileSync } from 'node:fs'

/** Reads a whole file by its absolute path; throws as `readFileSync` does. */
export type ReadFile = (path: string) => Buffer

/** What files held when they were read: base64 by path, which can be sent to another process. */
export type FileContents = Readonly<Record<string, string>>

/** Reads from disk, and keeps what it read for whoever must see the same later. */
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

/** Reads what was read before, whatever has become of the files since. */
export function readFrom(contents: FileContents): ReadFile {
  return path => {
    const content = contents[path]
    if (content === undefined)
      throw Object.assign(new Error(`${path} was not read before`), { code: 'ENOENT' })
    return Buffer.from(content, 'base64')
  }
}

/** Why a file cannot be read, for people and without its path. */
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

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { reasonOf } from '../keys/file-contents.ts'
import { ConfigError, type Path } from '../kit/problem.ts'

/** The content of a YAML or JSON file. */
export interface DocumentFile {
  readonly text: string
  readonly value: unknown
  /** Returns `FILE:LINE` of the value at a path, or of the innermost part of the path that exists. */
  locate(path: Path): string
}

/**
 * Reads a file as YAML 1.2, which includes JSON. An empty file is `{}`.
 *
 * @param file the path as the user wrote it, relative to `cwd`; messages name it like that
 * @throws ConfigError with the file when it cannot be read, and with file, line and column when it cannot be parsed
 */
export function readDocumentFile(
  file: string,
  { cwd = process.cwd() }: { readonly cwd?: string | undefined } = {},
): DocumentFile {
  const lines = new LineCounter()
  const text = readText(file, cwd)
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    stringKeys: true,
    version: '1.2',
  })
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(error => {
        const { line, col } = lines.linePos(error.pos[0])
        return { source: `${file}:${line}:${col}`, path: '', message: firstLine(error.message) }
      }),
    )
  }
  return {
    text,
    value: toValue(document, file),
    locate: path => {
      const offset = offsetOf(document, path)
      return offset === undefined ? file : `${file}:${lines.linePos(offset).line}`
    },
  }
}

function readText(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8')
  } catch (error) {
    throw new ConfigError([{ source: file, path: '', message: `cannot be read: ${reasonOf(error)}` }])
  }
}

function toValue(document: Document.Parsed, file: string): unknown {
  try {
    // Aliases of aliases can expand a kilobyte to a gigabyte.
    return document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (error) {
    throw new ConfigError([{ source: file, path: '', message: firstLine((error as Error).message) }])
  }
}

function offsetOf(document: Document.Parsed, path: Path): number | undefined {
  let node: unknown = document.contents
  let offset = isNode(node) ? node.range?.[0] : undefined
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && item.key.value === key)
      if (!pair) break
      offset = (isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? offset
      node = pair.value
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key]
      offset = (isNode(node) ? node.range?.[0] : undefined) ?? offset
    } else break
  }
  return offset
}

/** Drops the excerpt of the file that the library appends. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? text).replace(/ at line \d+, column \d+:?$/, '')
}

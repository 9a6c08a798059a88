import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { decodeText } from '../../internal/text/decode-text.ts'
import { type LoadYaml, parseTextDocument, TextDocumentError } from '../../internal/text/yaml.ts'
import { reasonOf } from '../keys/file-contents.ts'
import { ConfigError, type Path } from '../kit/problem.ts'

const loadYaml: LoadYaml = () => createRequire(import.meta.url)('yaml')

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
  const text = readText(file, cwd)
  try {
    const { value, lineOf } = parseTextDocument(text, loadYaml)
    return {
      text,
      value: value ?? {},
      locate(path) {
        const line = lineOf(path)
        return line === undefined ? file : `${file}:${line}`
      },
    }
  } catch (error) {
    if (!(error instanceof TextDocumentError)) throw error
    throw new ConfigError(
      error.mistakes.map(({ line, column, message }) => {
        return { source: line === undefined ? file : `${file}:${line}:${column}`, path: '', message }
      }),
    )
  }
}

function readText(file: string, cwd: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(resolve(cwd, file))
  } catch (error) {
    throw new ConfigError([{ source: file, path: '', message: `cannot be read: ${reasonOf(error)}` }])
  }
  try {
    return decodeText(bytes)
  } catch (error) {
    throw new ConfigError([{ source: file, path: '', message: (error as Error).message }])
  }
}

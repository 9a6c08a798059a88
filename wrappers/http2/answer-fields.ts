import { REFERENCES } from '../../internal/references.ts'
import { WITHHELD } from '../transport/answer-rules.ts'

/** The headers of an answer, as far as they are for the client. */
export interface AnswerFields {
  /** Flat, without hop-by-hop fields and our own names. */
  readonly headers: string[]
  /** Whether there are headers that name URLs or paths of the node. */
  readonly hasReferences: boolean
  /** Trailer, all lines joined: the names of trailers that the node announces. */
  readonly trailer: string | undefined
}

const DROPPED: ReadonlySet<string> = new Set(WITHHELD)
const NAMING: ReadonlySet<string> = new Set(REFERENCES)

/** @param lines flat, with names in lower case, without pseudo-header fields */
export function readAnswerFields(lines: readonly string[]): AnswerFields {
  const headers: string[] = []
  let hasReferences = false
  let trailer: string | undefined
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!
    const value = lines[i + 1]!
    if (DROPPED.has(name)) continue
    if (name === 'trailer') {
      trailer = trailer === undefined ? value : `${trailer}, ${value}`
      continue
    }
    if (NAMING.has(name)) hasReferences = true
    headers.push(name, value)
  }
  return { headers, hasReferences, trailer }
}

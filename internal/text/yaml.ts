import type * as Yaml from 'yaml'
import { isTooDeep, parseJson, TOO_DEEP } from './json.ts'

/** What is used of the package `yaml`. */
export type YamlPackage = Pick<
  typeof Yaml,
  'LineCounter' | 'parseDocument' | 'isAlias' | 'isMap' | 'isNode' | 'isScalar' | 'isSeq' | 'visit'
>

/** Loads the package `yaml`. Most processes never need it: they read no documents, or JSON without mistakes. */
export type LoadYaml = () => YamlPackage

/** A document in YAML or JSON. */
export interface TextDocument {
  /** Null when the text has no content. */
  readonly value: unknown
  /** Returns the line, from 1, of the value at a path, or of the innermost part of the path that exists. */
  lineOf(path: readonly (string | number)[]): number | undefined
}

/** A mistake in the text of a document. Line and column are from 1, and absent when the mistake has no place. */
export interface SyntaxMistake {
  readonly line?: number
  readonly column?: number
  readonly message: string
}

/** The text is neither YAML nor JSON. */
export class TextDocumentError extends TypeError {
  readonly mistakes: readonly SyntaxMistake[]

  constructor(mistakes: readonly SyntaxMistake[]) {
    super(mistakes[0]?.message)
    this.mistakes = mistakes
  }
}

/**
 * Parses a document that may be written in YAML 1.2 or in JSON. What {@link parseJson} accepts is read by it, so a
 * document in JSON means here what it means to readers of JSON alone.
 *
 * @throws TextDocumentError
 */
export function parseTextDocument(text: string, loadYaml: LoadYaml): TextDocument {
  let value: unknown
  try {
    value = parseJson(text)
  } catch {
    const parsed = parseYaml(text, loadYaml())
    return { value: parsed.value, lineOf: path => parsed.lineOf(path) }
  }
  let places: TextDocument | undefined
  return {
    value,
    lineOf(path) {
      places ??= placesIn(text, loadYaml())
      return places.lineOf(path)
    },
  }
}

function placesIn(text: string, yaml: YamlPackage): TextDocument {
  try {
    return parseYaml(text, yaml)
  } catch {
    // JSON that is no YAML, such as one with a name of more than 1,024 characters.
    return { value: undefined, lineOf: () => undefined }
  }
}

function parseYaml(text: string, yaml: YamlPackage): TextDocument {
  const lines = new yaml.LineCounter()
  const options = { uniqueKeys: true, stringKeys: true, version: '1.2', prettyErrors: false } as const
  const mistakeAt = (offset: number, message: string): SyntaxMistake => {
    const { line, col: column } = lines.linePos(offset)
    return { line, column, message }
  }
  let document: Yaml.Document.Parsed
  let value: unknown
  try {
    document = yaml.parseDocument(text, { ...options, lineCounter: lines })
    const unresolved = document.errors.length > 0 ? undefined : unresolvedAlias(document, yaml)
    if (unresolved !== undefined) throw new TextDocumentError([mistakeAt(unresolved, UNRESOLVED_ALIAS)])
    // Aliases of aliases can expand a kilobyte to a gigabyte.
    value = document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    if (error instanceof TextDocumentError) throw error
    throw new TextDocumentError([{ message: messageOf(error as Error) }])
  }
  if (document.errors.length > 0) {
    throw new TextDocumentError(document.errors.map(error => mistakeAt(error.pos[0], messageOf(error))))
  }
  if (isTooDeep(value)) throw new TextDocumentError([{ message: TOO_DEEP }])
  return {
    value,
    lineOf(path) {
      const offset = offsetOf(document, path, yaml)
      return offset === undefined ? undefined : lines.linePos(offset).line
    },
  }
}

const UNRESOLVED_ALIAS =
  'Unresolved alias (a text that begins with * must be quoted; an anchor must be set before the alias)'

/** Returns where the first alias is that has no anchor in front of it. A secret that is not quoted may look like one. */
function unresolvedAlias(document: Yaml.Document.Parsed, yaml: YamlPackage): number | undefined {
  const anchors = new Set<string>()
  let found: number | undefined
  yaml.visit(document, {
    Node(_key, node) {
      if (!yaml.isAlias(node)) {
        if (node.anchor !== undefined) anchors.add(node.anchor)
        return undefined
      }
      if (anchors.has(node.source)) return undefined
      found = node.range?.[0] ?? 0
      return yaml.visit.BREAK
    },
  })
  return found
}

/** What the parser quotes of the text, which may be a secret, follows a colon or is a tag. */
const QUOTED = /(?<! ): .*$|(?<=^The )!.*(?= tag has no suffix$)|(?<=^Verbatim tags aren't resolved), so .*$/

function messageOf({ message }: Error): string {
  // The parser is recursive, and reports that it ran out of stack like any mistake.
  return message.startsWith('Maximum call stack') ? TOO_DEEP : message.split('\n')[0]!.replace(QUOTED, '')
}

function offsetOf(
  document: Yaml.Document.Parsed,
  path: readonly (string | number)[],
  { isMap, isNode, isScalar, isSeq }: YamlPackage,
): number | undefined {
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

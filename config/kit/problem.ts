/** One thing wrong in a configuration or a route document. */
export interface Problem {
  /** JSON path of the value, such as `$.routes.documents.users.path`; empty when a file could not be read at all. */
  readonly path: string
  /** What must be changed, for people. */
  readonly message: string
}

/** A {@link Problem} and where the value was set. */
export interface SourcedProblem extends Problem {
  /** `waygate.yaml:12`, `environment WAYGATE_PORT`, `option --port`, or `default`. */
  readonly source: string
}

/** The error of a configuration that cannot be used. Its message has one line for each problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly SourcedProblem[]
  /** What else should be changed, one line each. */
  readonly warnings: readonly string[]

  constructor(problems: readonly SourcedProblem[], warnings: readonly string[] = []) {
    super(
      problems
        .map(({ source, path, message }) => [source, path, message].filter(Boolean).join(': '))
        .join('\n'),
    )
    this.problems = problems
    this.warnings = warnings
  }
}

export type Path = readonly (string | number)[]

/** A {@link Problem} whose path is a list of keys. */
export interface Finding {
  readonly path: Path
  readonly message: string
}

/** Yields the findings of a part of a document, with their paths in the whole document. */
export function* under(at: Path, findings: Iterable<Finding>): Generator<Finding> {
  for (const { path, message } of findings) yield { path: [...at, ...path], message }
}

/** Finds the first of some fields that is missing although others of them are set. */
export function* together(
  section: Path,
  fields: Readonly<Record<string, string | undefined>>,
): Generator<Finding> {
  const missing = Object.keys(fields).find(name => fields[name] === undefined)
  const present = Object.keys(fields).find(name => fields[name] !== undefined)
  if (missing === undefined || present === undefined) return
  yield { path: [...section, missing], message: `is missing: ${present} needs it` }
}

export function toProblem({ path, message }: Finding): Problem {
  return { path: jsonPath(path), message }
}

/** Formats a path as JSON path: `$.a[0]["b-c"]`. */
export function jsonPath(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return /^[A-Za-z_$][\w$]*$/.test(key) ? `${text}.${key}` : `${text}[${JSON.stringify(key)}]`
  }, '$')
}

/** Formats findings on one line, each with its JSON path. */
export function toReason(findings: readonly Finding[]): string {
  return findings.map(({ path, message }) => `${jsonPath(path)}: ${message}`).join('; ')
}

/** Formats a value for a message: at most 60 characters, on one line. */
export function show(value: unknown): string {
  // JSON has no infinity, which `.inf` and `1e400` are.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** Returns `, not ADDRESS`; nothing for one that may hold a password, which messages never repeat. */
export function notAddress(address: string): string {
  return /[@?]/.test(address) ? '' : `, not ${show(address)}`
}

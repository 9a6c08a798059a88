import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ReadFile } from '../keys/file-contents.ts'
import { type Keys, loadKeys } from '../keys/keys.ts'
import { renameFields } from '../kit/former-names.ts'
import {
  ConfigError,
  type Finding,
  jsonPath,
  type Path,
  type SourcedProblem,
  toProblem,
  under,
} from '../kit/problem.ts'
import { findProblems } from '../kit/validate.ts'
import { deepFreeze, type FieldSchema, isTree, memberSchema, withDefaults } from '../kit/values.ts'
import { findPolicyWarnings } from '../policies/policies.ts'
import { type Config, ConfigSchema } from '../schema.ts'
import { readDocumentFile } from './document-file.ts'
import { CONFIG_VARIABLE, type Environment, readEnvironment } from './environment.ts'
import { readImageVariables } from './image-variables.ts'
import { Layers, type Setting } from './layers.ts'
import { readOtelVariables } from './otel-variables.ts'
import { ruleContext } from './route-context.ts'
import { findRoutesRuleProblems, findRuleProblems } from './rules.ts'
import { tlsWarnings } from './tls-rules.ts'

/** The file that is read if it exists and no other file is named. */
export const DEFAULT_CONFIG_FILE = 'waygate.yaml'

export interface LoadOptions {
  /** The file named by `--config`, which must exist. Undefined = `WAYGATE_CONFIG`, otherwise `waygate.yaml` if it exists. */
  readonly file?: string | undefined
  readonly env: Environment
  /** The settings on the command line. */
  readonly flags?: readonly Setting[]
  /** Where relative paths start, including those in the file. Default: the working directory. */
  readonly cwd?: string
  /** Reads key files. Default: from disk. */
  readonly readKeyFile?: ReadFile
}

export interface LoadedConfig {
  /** Deeply frozen. */
  readonly config: Config
  /** The keys and users read from the key files. */
  readonly keys: Keys
  /** One line each, for the log at start. */
  readonly warnings: readonly string[]
  /** The file that was read, as it was named; undefined when there is none. */
  readonly file: string | undefined
  /** Whether that file has nothing in it. */
  readonly isEmpty: boolean
  /** Returns where a value such as `etcd.endpoints` was set: `FILE:LINE`, `environment NAME`, `option --x` or `default`. */
  sourceOf(path: string): string
}

/**
 * Loads the configuration from four layers, each stronger than the one before: defaults, the file, the environment and
 * the command line.
 *
 * @throws ConfigError with every problem, its JSON path and where the value was set
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { file, env, flags = [], cwd = process.cwd(), readKeyFile } = options
  const named = chooseFile(file, env, cwd)
  const document = named === undefined ? undefined : readDocumentFile(named, { cwd })
  const environment = readEnvironment(env, cwd)
  const renamed = renameFields(document?.value, ConfigSchema)
  const locate = (path: Path) => document!.locate(renamed.asWritten(path))
  const layers = new Layers(document && { value: renamed.document, locate })
  layers.apply(environment.settings)
  layers.apply(flags)
  const otel = readOtelVariables(env, layers.sourceOf('tracing.endpoint') !== 'default')
  layers.applyBelow(otel.settings)
  const image = readImageVariables(env, layers)
  layers.applyBelow(image.settings)
  const problems: SourcedProblem[] = [...layers.problems, ...environment.problems, ...image.problems]
  for (const finding of renamed.problems) {
    problems.push({ ...toProblem(finding), source: document!.locate(finding.path) })
  }
  const warnings = [
    ...environment.warnings,
    ...otel.warnings,
    ...renamed.warnings.map(
      ({ path, message }) => `${jsonPath(path)} (${document!.locate(path)}) ${message}`,
    ),
  ]
  const report = (findings: readonly Finding[]) => {
    for (const { path, message } of findings) {
      problems.push({
        ...toProblem({ path: renamed.asWritten(path), message }),
        source: layers.nearestSource(path),
      })
    }
    if (problems.length > 0) throw new ConfigError(problems, warnings)
  }

  const tree = withDefaults(ConfigSchema as FieldSchema, structuredClone(layers.tree))
  const findings = findProblems(ConfigSchema, tree)
  // Most rules expect values of the right types, so they are checked only when the schema is satisfied.
  if (findings.length > 0) report([...findings, ...findRoutesRuleProblems(tree)])

  const config = resolvePaths(tree, ConfigSchema as FieldSchema, cwd) as Config
  const later: Finding[] = [...findRuleProblems(config)]
  const found = findPolicyWarnings(config.routes.defaults, ruleContext(config))
  for (const { path, message } of under(['routes', 'defaults'], found)) {
    warnings.push(`${jsonPath(path)} (${layers.nearestSource(path)}) ${message}`)
  }
  warnings.push(...tlsWarnings(config))
  const keys = loadKeys(config, { problems: later, warnings, readFile: readKeyFile })
  report(later)
  return {
    config: deepFreeze(config),
    keys,
    warnings,
    file: named,
    isEmpty: document?.text.trim() === '',
    sourceOf: path => layers.sourceOf(path),
  }
}

function chooseFile(file: string | undefined, env: Environment, cwd: string): string | undefined {
  const named = file ?? (env[CONFIG_VARIABLE] || undefined)
  if (named !== undefined) return named
  return existsSync(resolve(cwd, DEFAULT_CONFIG_FILE)) ? DEFAULT_CONFIG_FILE : undefined
}

/** Makes every path in the configuration absolute. A relative one starts at `cwd`, wherever it was set. */
function resolvePaths(value: unknown, schema: FieldSchema, cwd: string): unknown {
  const { isPath, items } = schema
  if (isPath) return typeof value === 'string' ? resolve(cwd, value) : value
  if (items && Array.isArray(value)) return value.map(item => resolvePaths(item, items, cwd))
  if (!isTree(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, resolvePaths(inner, memberSchema(schema, key), cwd)]),
  )
}

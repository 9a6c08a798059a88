import { didYouMean } from '../kit/closest.ts'
import type { SourcedProblem } from '../kit/problem.ts'
import type { Setting } from './setting.ts'

export type Environment = Readonly<Record<string, string | undefined>>

interface Variable {
  /** Where the value belongs in the configuration. */
  readonly path: string
  readonly kind: 'text' | 'integer' | 'list'
  /** Whether a variable that is there but empty is refused, because going without would open a door. */
  readonly neverEmpty?: boolean
}

/** The file itself; it has no place in the configuration. */
export const CONFIG_VARIABLE = 'WAYGATE_CONFIG'

/** Every variable that sets something, by name. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  WAYGATE_HOST: { path: 'host', kind: 'text' },
  WAYGATE_PORT: { path: 'port', kind: 'integer' },
  WAYGATE_ADMIN_HOST: { path: 'adminHost', kind: 'text' },
  WAYGATE_ADMIN_PORT: { path: 'adminPort', kind: 'integer' },
  WAYGATE_ADMIN_TOKEN: { path: 'adminToken', kind: 'text', neverEmpty: true },
  WAYGATE_ETCD: { path: 'etcd.endpoints', kind: 'list' },
  WAYGATE_ETCD_USER: { path: 'etcd.user', kind: 'text' },
  WAYGATE_ETCD_PASSWORD: { path: 'etcd.password', kind: 'text' },
  WAYGATE_ETCD_CA: { path: 'etcd.ca', kind: 'text' },
  WAYGATE_ETCD_CERT: { path: 'etcd.cert', kind: 'text' },
  WAYGATE_ETCD_KEY: { path: 'etcd.key', kind: 'text' },
  WAYGATE_SERVICES_PREFIX: { path: 'discovery.servicesPrefix', kind: 'text' },
  WAYGATE_ROUTES_PREFIX: { path: 'discovery.routesPrefix', kind: 'text' },
  WAYGATE_WORKERS: { path: 'workers', kind: 'integer' },
  WAYGATE_DATA_DIR: { path: 'dataDir', kind: 'text' },
  WAYGATE_JWT_SECRET: { path: 'jwt.secret', kind: 'text', neverEmpty: true },
  WAYGATE_JWT_PUBLIC_KEY_FILE: { path: 'jwt.publicKeyFile', kind: 'text', neverEmpty: true },
  WAYGATE_JWT_ALGORITHMS: { path: 'jwt.algorithms', kind: 'list', neverEmpty: true },
  WAYGATE_JWT_ISSUER: { path: 'jwt.issuer', kind: 'list', neverEmpty: true },
  WAYGATE_JWT_AUDIENCE: { path: 'jwt.audience', kind: 'list', neverEmpty: true },
  WAYGATE_COOKIE_SECRET: { path: 'routes.stickyCookie.secret', kind: 'text', neverEmpty: true },
  WAYGATE_LOG_LEVEL: { path: 'logLevel', kind: 'text' },
}

/**
 * What the environment says. An empty variable says nothing, but is a problem where a check of tokens would
 * silently fall away; a variable of ours that nobody knows is a warning.
 */
export function readEnvironment(env: Environment): {
  settings: Setting[]
  problems: SourcedProblem[]
  warnings: string[]
} {
  const settings: Setting[] = []
  const problems: SourcedProblem[] = []
  for (const [name, { path, kind, neverEmpty }] of Object.entries(VARIABLES)) {
    const text = env[name]
    if (text === undefined) continue
    const source = `environment ${name}`
    if (text.trim() !== '') settings.push({ path, value: toValue(text, kind), source })
    else if (neverEmpty) {
      problems.push({
        path: `$.${path}`,
        message: 'must not be empty; unset the variable to go without',
        source,
      })
    }
  }
  const known = [...Object.keys(VARIABLES), CONFIG_VARIABLE]
  const warnings = Object.keys(env)
    .filter(name => name.startsWith('WAYGATE_') && !known.includes(name))
    .map(name => `environment ${name} is not a variable of Waygate${didYouMean(name, known)}`)
  return { settings, problems, warnings }
}

function toValue(text: string, kind: Variable['kind']): unknown {
  switch (kind) {
    case 'text':
      return text
    // Left as text when it is not one, for the schema to refuse.
    case 'integer':
      return /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text
    case 'list':
      return text
        .split(',')
        .map(item => item.trim())
        .filter(item => item !== '')
    default:
      return kind satisfies never
  }
}

import { didYouMean } from '../kit/closest.ts'
import type { SourcedProblem } from '../kit/problem.ts'
import { FIELDS, type Field, fromText } from './fields.ts'
import { EMBEDDED_VARIABLE, IMAGE_VARIABLE } from './image-variables.ts'
import type { Setting } from './layers.ts'
import { FILE_SUFFIX, readSecretFile } from './secret-files.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** An environment variable and the field that it sets. */
export interface Variable extends Field {
  readonly name: string
}

/** Names the configuration file, which is not a field of the configuration. */
export const CONFIG_VARIABLE = 'WAYGATE_CONFIG'

/** Is the URL of an admin listener, for commands that ask a running gateway. It sets no field either. */
export const ADMIN_VARIABLE = 'WAYGATE_ADMIN'

/** Every variable that sets a field, in the order of the schema. */
export const VARIABLES: readonly Variable[] = FIELDS.flatMap(field =>
  field.schema.env === undefined ? [] : [{ name: field.schema.env, ...field }],
)

/** The variables that name a file with a secret, which sets the field of the variable without the suffix. */
const SECRET_FILE_VARIABLES = VARIABLES.filter(({ schema }) => schema.writeOnly === true).map(
  ({ name }) => `${name}${FILE_SUFFIX}`,
)

/** The address by which Kubernetes links to a Service, `tcp://10.43.0.9:8080`, and Docker's `--link` to a container. */
const LINK = /^(?:tcp|udp|sctp):\/\/(?:[\d.]+|\[[\da-f:.]+\]):\d+$/
/** The variables that hold a link: the name of the Service in upper case, and this. */
const LINK_NAME = /^(WAYGATE.*?)_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/
/** What follows the name of the Service in all of its variables. */
const LINK_PART =
  /^_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z\d_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

/**
 * Finds the variables that Kubernetes sets in every container for a Service whose name begins with `waygate`
 * (pkg/kubelet/envvars): for one called `waygate`, WAYGATE_PORT is an address. They are no settings.
 *
 * @returns their names, by the name of the Service in upper case; those that are options of Waygate come first
 */
function findServiceLinks(env: Environment): ReadonlyMap<string, readonly string[]> {
  const isLink = (name: string) => LINK.test(env[name] ?? '')
  const isOption = (name: string) => VARIABLES.some(variable => variable.name === name)
  const names = Object.keys(env)
  const services = names.filter(isLink).flatMap(name => LINK_NAME.exec(name)?.[1] ?? [])
  const links = names.flatMap(name => {
    const service = services.find(each => name.startsWith(each) && LINK_PART.test(name.slice(each.length)))
    // An option that the pod sets itself takes the place of the link.
    return service === undefined || (isOption(name) && !isLink(name)) ? [] : [{ service, name }]
  })
  const grouped = Map.groupBy(
    links.sort((a, b) => Number(isOption(b.name)) - Number(isOption(a.name))),
    ({ service }) => service,
  )
  return new Map([...grouped].map(([service, each]) => [service, each.map(({ name }) => name)]))
}

/**
 * Reads the settings in the environment. An empty variable counts as absent, except where that would silently drop a
 * protection: there it is a problem. An unknown variable that begins with `WAYGATE_` is a warning, and so are the variables
 * that Kubernetes sets for a Service of that name.
 *
 * @param cwd where the relative paths of files with secrets start
 */
export function readEnvironment(
  env: Environment,
  cwd = process.cwd(),
): {
  settings: Setting[]
  problems: SourcedProblem[]
  warnings: string[]
} {
  const settings: Setting[] = []
  const problems: SourcedProblem[] = []
  const links = findServiceLinks(env)
  const linked = new Set([...links.values()].flat())
  for (const { name, path, schema } of VARIABLES) {
    const file = schema.writeOnly === true ? readSecretFile(name, env, cwd) : undefined
    if (file !== undefined) {
      const source = `environment ${name}${FILE_SUFFIX}`
      if ('problem' in file) problems.push({ path: `$.${path}`, message: file.problem, source })
      else settings.push({ path, value: file.secret, source })
      continue
    }
    const text = env[name]
    if (text === undefined || linked.has(name)) continue
    const source = `environment ${name}`
    if (text.trim() !== '') settings.push({ path, value: fromText(text, schema), source })
    else if (schema.neverEmpty) {
      problems.push({
        path: `$.${path}`,
        message: 'must not be empty; unset the variable to do without it',
        source,
      })
    }
  }
  const known = [
    ...[...VARIABLES.map(({ name }) => name), ...SECRET_FILE_VARIABLES],
    ...[CONFIG_VARIABLE, ADMIN_VARIABLE, IMAGE_VARIABLE, EMBEDDED_VARIABLE],
  ]
  const unknown = Object.keys(env)
    .filter(name => name.startsWith('WAYGATE_') && !known.includes(name) && !linked.has(name))
    .map(name => `environment ${name} is not a variable of Waygate${didYouMean(name, known)}`)
  const ignored = [...links].map(([service, [name, ...more]]) => {
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    return `environment ${name}${others} are ignored: Kubernetes sets them for the Service ${service.toLowerCase().replaceAll('_', '-')}; enableServiceLinks: false in the pod keeps them out`
  })
  return { settings, problems, warnings: [...unknown, ...ignored] }
}

import { isTree } from '../../config/kit/values.ts'
import { type Arguments, jsonOrText } from './arguments.ts'
import {
  type AdminCommand,
  COMPLETED_IDS,
  type Command,
  type CompletionCommand,
  type Configured,
  type ExplainCommand,
  type NodesCommand,
  type PrintingCommand,
  SHELLS,
} from './command.ts'
import { notAnAdminUrl, readAdminUrl } from './listening.ts'
import { OUTPUT_FORMATS } from './output.ts'
import type { ReadingCommandName } from './reading-table.ts'

/** The longest time that a command may wait. */
const MAX_WAIT_SECONDS = 86_400

/**
 * Parses the arguments of a command that asks a running gateway.
 *
 * @throws UsageError when they cannot be understood
 */
export function parseReading(command: ReadingCommandName, given: Arguments): Command {
  switch (command) {
    case 'routes':
      return { command, ...printing(given), filter: filterOf(given) }
    case 'services':
      return { command, ...printing(given), name: given.words(1)[0] }
    case 'nodes':
      return { command, ...printing(given), ...parseNodes(given) }
    case 'leases':
      given.words(0)
      return { command, ...printing(given) }
    case 'top':
      given.words(0)
      return { command, ...printing(given), once: given.has('once') }
    case 'tail': {
      const lines = given.integer('lines', { min: 0, max: 1_024 })
      const [problems, once] = [given.has('problems'), given.has('once')]
      return { command, ...printing(given), filter: filterOf(given), problems, lines, once }
    }
    case 'why': {
      const [requestId] = given.named(['REQUEST-ID'])
      return { command, ...printing(given), requestId }
    }
    case 'explain':
      return parseExplain(given)
    case 'status': {
      given.words(0)
      const waitSeconds = given.one('wait') === undefined ? 0 : given.seconds('wait', MAX_WAIT_SECONDS)
      return { command, ...printing(given), waitSeconds }
    }
    case 'reload':
      given.words(0)
      return { command, ...printing(given), dryRun: given.has('dry-run') }
    case 'healthcheck':
      given.words(0)
      return { command, ...configured(given) }
    case 'dashboard':
      given.words(0)
      return { command, ...asking(given), open: given.has('open') }
    case 'completion':
      return parseCompletion(given)
    default:
      return command satisfies never
  }
}

/** Returns what every command with a configuration has. */
export function configured(given: Arguments): Configured {
  return { config: given.one('config'), settings: given.settings() }
}

/** @throws UsageError when `--admin` is no URL */
export function parseAdmin(given: Arguments): string | undefined {
  const text = given.one('admin')
  const url = text === undefined ? undefined : readAdminUrl(text)
  if (url !== undefined || text === undefined) return url
  throw given.error(`--admin ${notAnAdminUrl(text)}`)
}

function asking(given: Arguments): AdminCommand {
  return { ...configured(given), admin: parseAdmin(given) }
}

function printing(given: Arguments): PrintingCommand {
  return { ...asking(given), output: given.choice('output', OUTPUT_FORMATS) }
}

function filterOf(given: Arguments): string {
  return given.words().join(' ')
}

/** What can only be a word of a filter, such as `state:down`. */
const FILTER_WORD = /^-?[a-z]+(?::|[<>]=?)/i

/** Reads `SERVICE/ID`, or words of a filter, of which the first may be the name of a service. No name of a service has a slash. */
function parseNodes(given: Arguments): Pick<NodesCommand, 'service' | 'id' | 'filter'> {
  const [first, ...rest] = given.words()
  if (first === undefined || FILTER_WORD.test(first)) {
    return { service: undefined, id: undefined, filter: filterOf(given) }
  }
  const [, service = '', id] = /^([^/]*)(?:\/(.*))?$/s.exec(first) ?? []
  if (service === '' || id === '') throw given.error(`a node is SERVICE/ID, not ${first}`)
  if (id !== undefined) given.words(1)
  return { service, id, filter: rest.join(' ') }
}

function parseExplain(given: Arguments): ExplainCommand {
  const [first, second] = given.words(2)
  if (first === undefined) throw given.error('a URL or a path is missing')
  const [method, url] = second === undefined ? ['GET', first] : [first.toUpperCase(), second]
  if (!/^(?:\/|https?:\/\/)/i.test(url)) throw given.error(`a URL must begin with / or http://, not ${url}`)
  const headers: Record<string, readonly string[]> = {}
  for (const line of given.all('header')) {
    const [, name, value] = /^([^:]+):\s*(.*)$/s.exec(line) ?? []
    if (name === undefined || value === undefined)
      throw given.error(`--header must be NAME: VALUE, not ${line}`)
    headers[name] = [...(headers[name] ?? []), value]
  }
  return {
    ...{ command: 'explain', ...printing(given), method, url, headers },
    ...{ client: given.required('client'), claims: parseClaims(given) },
  }
}

function parseClaims(given: Arguments): ExplainCommand['claims'] {
  const text = given.one('claims')
  if (text === undefined) return undefined
  const claims = jsonOrText(text)
  if (isTree(claims)) return claims
  throw given.error(`--claims must be a JSON object, not ${text}`)
}

function parseCompletion(given: Arguments): CompletionCommand {
  const [first, kind] = given.words(2)
  const common = { command: 'completion', ...asking(given) } as const
  if (first === 'ids') {
    const ids = COMPLETED_IDS.find(each => each === kind)
    if (kind === undefined) throw given.error('KIND is missing')
    if (ids === undefined) throw given.error(`KIND must be one of ${COMPLETED_IDS.join(', ')}, not ${kind}`)
    return { ...common, ids }
  }
  const shell = SHELLS.find(each => each === first)
  if (first === undefined) throw given.error('the shell is missing')
  if (shell === undefined) throw given.error(`the shell must be one of ${SHELLS.join(', ')}, not ${first}`)
  if (kind !== undefined) throw given.error(`unexpected argument ${kind}`)
  return { ...common, shell }
}

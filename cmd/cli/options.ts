import { didYouMean } from '../../config/kit/closest.ts'
import { protocolOf } from '../../discovery/codecs/metadata.ts'
import { createNode, MAX_WEIGHT, parseAddress } from '../../internal/nodes/node.ts'
import { Arguments, jsonOrText } from './arguments.ts'
import {
  ADMIN_ROLES,
  type AdminTokenCommand,
  type ApiKeyCommand,
  CERTIFICATE_ACTIONS,
  type CertificateCommand,
  CHECK_KINDS,
  type CheckCommand,
  type Command,
  DESCRIPTOR_ACTIONS,
  type DescriptorsCommand,
  ETCD_ACTIONS,
  type EtcdCommand,
  type RegisterCommand,
  type SplitCommand,
  type TokenCommand,
} from './command.ts'
import { UsageError } from './format-error.ts'
import { commandHelp, programHelp } from './help.ts'
import { COMMANDS, type CommandName, isCommandName } from './option-table.ts'
import { configured, parseAdmin, parseReading } from './reading-options.ts'
import { READING_COMMANDS, type ReadingCommandName } from './reading-table.ts'

/** 100 years: more is a slip, and dates lose their meaning. */
const MAX_EXPIRES_SECONDS = 3_155_760_000

/**
 * Parses the arguments after `waygate`.
 *
 * @throws UsageError when they cannot be understood
 */
export function parseCommandLine(args: readonly string[]): Command {
  const [first, ...rest] = args
  if (first === undefined) throw new UsageError(`a command is missing: ${Object.keys(COMMANDS).join(', ')}`)
  if (first === '--version' || first === '-v' || first === 'version') return { command: 'version' }
  if (first === '--help' || first === '-h') return { command: 'help', text: programHelp() }
  if (first === 'help') return parseHelp(rest)
  if (!isCommandName(first)) {
    const kind = first.startsWith('-') ? 'option' : 'command'
    throw new UsageError(`unknown ${kind} ${first}${didYouMean(first, [...Object.keys(COMMANDS), 'help'])}`)
  }
  const given = new Arguments(first, rest)
  return given.help ? { command: 'help', text: commandHelp(first) } : toCommand(first, given)
}

function parseHelp([name]: readonly string[]): Command {
  if (name === undefined) return { command: 'help', text: programHelp() }
  if (isCommandName(name)) return { command: 'help', text: commandHelp(name) }
  throw new UsageError(`unknown command ${name}${didYouMean(name, Object.keys(COMMANDS))}`)
}

function toCommand(command: CommandName, given: Arguments): Command {
  if (command === 'check') return parseCheck(given)
  if (isReading(command)) return parseReading(command, given)
  if (command === 'descriptors') return parseDescriptors(given)
  if (command === 'certificate') return parseCertificate(given)
  if (command === 'split') return parseSplit(given)
  if (command === 'etcd') return parseEtcd(given)
  if (command === 'register') return parseRegister(given)
  given.words(0)
  switch (command) {
    case 'start':
      return { command, ...configured(given) }
    case 'demo': {
      const traffic = given.integer('traffic', { min: 0, max: 100 })
      return { command, ...configured(given), grpc: given.has('grpc'), tls: given.has('tls'), traffic }
    }
    case 'token':
      return parseToken(given)
    case 'api-key':
      return parseApiKey(given)
    case 'admin-token':
      return parseAdminToken(given)
    case 'hash-password':
      return { command, user: given.one('user') }
    case 'doctor':
      return { command, ...configured(given), writeCheck: given.has('write-check'), json: given.has('json') }
    default:
      return command satisfies never
  }
}

function isReading(command: CommandName): command is ReadingCommandName {
  return Object.hasOwn(READING_COMMANDS, command)
}

function parseRegister(given: Arguments): RegisterCommand {
  const [operand] = given.operands
  if (operand !== undefined) throw given.error(`unexpected argument ${operand}`)
  const name = given.required('name')
  const id = given.one('id')
  const weight = given.integer('weight', { min: 0, max: MAX_WEIGHT })
  // A lease shorter than 6 s would expire while etcd recovers from losing a member.
  const ttlSeconds = given.integer('ttl', { min: 6, max: 86_400 })
  const metadata = Object.fromEntries(given.pairs('meta'))
  const protocol = given.one('protocol')
  const { host, port } = parseNode(given, { name, id, metadata, protocol })
  const [file, ...args] = given.rest
  const child = file === undefined ? undefined : { file, args }
  const adopt = given.has('adopt')
  if (adopt && !child) throw given.error('--adopt needs a command after --')
  return {
    command: 'register',
    ...configured(given),
    name,
    host,
    port,
    id,
    weight,
    protocol,
    metadata,
    ttlSeconds,
    child,
    adopt,
  }
}

/** Reads the address. Whatever is wrong with the node is a mistake on the command line, and is found before anything is started. */
function parseNode(
  given: Arguments,
  {
    name: service,
    id = 'unnamed',
    metadata,
    protocol,
  }: Pick<RegisterCommand, 'name' | 'id' | 'metadata' | 'protocol'>,
): { host: string; port: number } {
  try {
    const address = parseAddress(given.required('address'))
    const spoken = protocolOf(protocol ?? metadata.protocol, 'http')
    return createNode({ service, id, ...address, metadata, protocol: spoken })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw given.error(error.message)
  }
}

// `--sub` and `--expires` set the first two; `iat` is the time of signing.
const OWN_CLAIMS = ['sub', 'exp', 'iat']

function parseToken(given: Arguments): TokenCommand {
  const expiresInSeconds = given.seconds('expires', MAX_EXPIRES_SECONDS)
  const claims = given.pairs('claim').map(([name, value]) => {
    if (OWN_CLAIMS.includes(name))
      throw given.error(`--claim must not set ${name}, which the command sets itself`)
    return [name, jsonOrText(value)] as const
  })
  return {
    command: 'token',
    ...configured(given),
    subject: given.required('sub'),
    expiresInSeconds,
    claims: Object.fromEntries(claims),
  }
}

function parseApiKey(given: Arguments): ApiKeyCommand {
  const expiresInSeconds =
    given.one('expires') === undefined ? undefined : given.seconds('expires', MAX_EXPIRES_SECONDS)
  const words = (name: string) =>
    given.all(name).map(word => {
      if (/\s/.test(word)) throw given.error(`--${name} must be one word, not ${word}`)
      return word
    })
  const claims = given.pairs('claim').map(([name, value]) => [name, jsonOrText(value)] as const)
  return {
    command: 'api-key',
    ...configured(given),
    owner: given.required('owner'),
    scopes: words('scope'),
    roles: words('role'),
    claims: Object.fromEntries(claims),
    expiresInSeconds,
  }
}

function parseAdminToken(given: Arguments): AdminTokenCommand {
  const role = given.choice('role', ADMIN_ROLES)
  const services = given.all('service')
  if (services.length > 0 && role !== 'register') {
    throw given.error(`--service is for --role register, not for ${role}`)
  }
  return { command: 'admin-token', name: given.required('name'), role, services }
}

function parseCheck(given: Arguments): CheckCommand {
  const [file] = given.named(['FILE'])
  const named = given.one('kind')
  const kind = CHECK_KINDS.find(each => each === named)
  if (kind !== named) throw given.error(`--kind must be one of ${CHECK_KINDS.join(', ')}, not ${named}`)
  return { command: 'check', file, kind, admin: parseAdmin(given) }
}

/** How many operands each action takes, without the one that names it. */
const DESCRIPTOR_OPERANDS = {
  put: ['NAME', 'FILE'],
  get: ['NAME', 'FILE'],
  list: [],
  check: ['FILE'],
} as const

function parseDescriptors(given: Arguments): DescriptorsCommand {
  const action = given.action(DESCRIPTOR_ACTIONS)
  const from = given.one('from')
  if (from !== undefined && action !== 'put') throw given.error('--from belongs to put')
  const wanted = DESCRIPTOR_OPERANDS[action].filter(name => name !== 'FILE' || from === undefined)
  const operands = given.named(wanted, 1)
  const operandOf = (name: 'NAME' | 'FILE'): string => operands[wanted.indexOf(name)] ?? ''
  return {
    command: 'descriptors',
    ...configured(given),
    action,
    name: operandOf('NAME'),
    file: operandOf('FILE'),
    from: from === undefined ? undefined : parseFrom(given, from),
    rules: given.has('rules'),
  }
}

function parseFrom(given: Arguments, text: string): NonNullable<DescriptorsCommand['from']> {
  const protocol = text.startsWith('grpcs://') ? 'grpcs' : 'grpc'
  try {
    return { ...parseAddress(text.replace(`${protocol}://`, '')), protocol }
  } catch (error) {
    throw given.error(`--from: ${(error as Error).message}`)
  }
}

function parseCertificate(given: Arguments): CertificateCommand {
  const action = given.action(CERTIFICATE_ACTIONS)
  if (action === 'list') {
    given.words(1)
    for (const option of ['cert', 'key', 'key-password-file']) {
      if (given.one(option) !== undefined) throw given.error(`--${option} belongs to put`)
    }
    return { command: 'certificate', ...configured(given), action }
  }
  const [name] = given.named(['NAME'], 1)
  if (!/^[\x21-\x7e]{1,255}$/.test(name)) {
    throw given.error(`NAME must be 1 to 255 characters of ASCII without spaces, not ${name}`)
  }
  const [cert, key] = [given.required('cert'), given.required('key')]
  const keyPasswordFile = given.one('key-password-file')
  return { command: 'certificate', ...configured(given), action, name, cert, key, keyPasswordFile }
}

function parseEtcd(given: Arguments): EtcdCommand {
  const action = given.action(ETCD_ACTIONS)
  given.words(1)
  const overwrite = given.has('overwrite')
  if (overwrite && action === 'export') throw given.error('--overwrite belongs to import')
  return { command: 'etcd', ...configured(given), action, overwrite }
}

function parseSplit(given: Arguments): SplitCommand {
  const [route, variant, text] = given.named(['ROUTE', 'VARIANT', 'PERCENT'])
  const percent = /^\d{1,3}(?:\.\d{1,2})?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN
  if (!(percent <= 100)) throw given.error(`PERCENT must be from 0 to 100, in steps of 0.01, not ${text}`)
  return { command: 'split', ...configured(given), route, variant, percent }
}

/** One option of the command line: parsing, help texts and documentation all read it here. */
export interface OptionRow {
  /** Without the dashes. */
  readonly name: string
  /** What stands for the value in help texts; '' = it is a switch and takes none. */
  readonly value: string
  readonly description: string
  /** Where the value belongs in the configuration; undefined when it is the command's own. */
  readonly path?: string
  /** Commas separate items. */
  readonly list?: boolean
  /** Whether it may be given several times. */
  readonly repeat?: boolean
  readonly required?: boolean
  /** What holds without it, for options that are not part of the configuration. */
  readonly default?: string
}

export interface CommandRow {
  readonly summary: string
  /** What follows the options. */
  readonly operands: string
  readonly options: readonly OptionRow[]
  /** A paragraph below the options. */
  readonly notes?: string
}

const config: OptionRow = {
  name: 'config',
  value: 'FILE',
  description: 'configuration file, YAML or JSON',
  default: 'waygate.yaml when it exists',
}
const host: OptionRow = { name: 'host', value: 'ADDRESS', path: 'host', description: 'address to listen on' }
const port: OptionRow = {
  name: 'port',
  value: 'PORT',
  path: 'port',
  description: 'port to listen on; 0: any free',
}
const adminHost: OptionRow = {
  name: 'admin-host',
  value: 'ADDRESS',
  path: 'adminHost',
  description: 'address of the admin listener',
}
const adminPort: OptionRow = {
  name: 'admin-port',
  value: 'PORT',
  path: 'adminPort',
  description: 'port of the admin listener; 0: any free',
}
const etcd: OptionRow = {
  name: 'etcd',
  value: 'URL[,URL...]',
  path: 'etcd.endpoints',
  list: true,
  description: 'members of the etcd cluster',
}
const embeddedEtcd: OptionRow = {
  name: 'embedded-etcd',
  value: 'HOST:PORT',
  path: 'etcd.embedded',
  description: 'where the embedded etcd listens, without --etcd',
}
const servicesPrefix: OptionRow = {
  name: 'services-prefix',
  value: 'PREFIX',
  path: 'discovery.servicesPrefix',
  description: 'beginning of the etcd keys that are nodes',
}
const routesPrefix: OptionRow = {
  name: 'routes-prefix',
  value: 'PREFIX',
  path: 'discovery.routesPrefix',
  description: 'beginning of the etcd keys that are route documents',
}
const workers: OptionRow = {
  name: 'workers',
  value: 'N',
  path: 'workers',
  description: 'processes that share the port; 0: one per core',
}
const dataDir: OptionRow = {
  name: 'data-dir',
  value: 'FOLDER',
  path: 'dataDir',
  description: 'folder for the copy of the routing table',
}
const logLevel: OptionRow = {
  name: 'log-level',
  value: 'LEVEL',
  path: 'logLevel',
  description: 'least important line that is logged: fatal, error, warn, info, debug, trace or silent',
}

const claim: OptionRow = {
  name: 'claim',
  value: 'KEY=VALUE',
  description: 'one more claim; JSON values become JSON; may be repeated',
  repeat: true,
}

const expires: OptionRow = {
  name: 'expires',
  value: 'DURATION',
  description: 'how long it is valid: seconds, or like 90s, 30m, 1h, 7d',
}

/** Every command, in the order that help texts show them. */
export const COMMANDS = {
  start: {
    summary: 'run the gateway',
    operands: '',
    options: [
      host,
      port,
      adminHost,
      adminPort,
      etcd,
      embeddedEtcd,
      servicesPrefix,
      routesPrefix,
      workers,
      config,
      dataDir,
      logLevel,
    ],
  },
  demo: {
    summary: 'run an etcd, the gateway and two example services, and print what to try',
    operands: '',
    options: [host, port, adminHost, adminPort, embeddedEtcd, dataDir, logLevel],
  },
  register: {
    summary: 'put one node into etcd and keep it there',
    operands: '[-- COMMAND ARGUMENTS...]',
    options: [
      { name: 'name', value: 'SERVICE', description: 'the service that the node serves', required: true },
      { name: 'address', value: 'HOST:PORT', description: 'where the node answers', required: true },
      {
        name: 'id',
        value: 'ID',
        description: "the node's id in its service",
        default: 'made from the address',
      },
      { name: 'weight', value: 'N', description: 'share of requests, 0 to 65535', default: '1' },
      {
        name: 'meta',
        value: 'KEY=VALUE',
        description: 'metadata of the node; may be repeated',
        repeat: true,
      },
      {
        name: 'ttl',
        value: 'SECONDS',
        description: 'how soon the node is gone when nobody renews it',
        default: '10',
      },
      etcd,
      servicesPrefix,
      config,
      logLevel,
    ],
    notes:
      'With a command: runs it, registers when its port accepts connections, unregisters and drains when it ends or on SIGTERM, and exits with its exit code.',
  },
  routes: {
    summary: 'show the live routing table',
    operands: '',
    options: [
      {
        name: 'admin',
        value: 'URL',
        description: 'the admin listener; its token is WAYGATE_ADMIN_TOKEN',
        default: 'the configured one',
      },
      config,
    ],
  },
  token: {
    summary: 'sign a token with the configured secret or private key',
    operands: '',
    options: [
      { name: 'sub', value: 'SUBJECT', description: 'whom the token speaks of', required: true },
      { ...expires, default: '1h' },
      claim,
      config,
    ],
  },
  'api-key': {
    summary: 'make an API key, and print what to put into etcd for it',
    operands: '',
    options: [
      { name: 'owner', value: 'OWNER', description: 'whom requests with the key speak for', required: true },
      { name: 'scope', value: 'SCOPE', description: 'a scope that it grants; may be repeated', repeat: true },
      { name: 'role', value: 'ROLE', description: 'a role that it grants; may be repeated', repeat: true },
      claim,
      { ...expires, default: 'for ever' },
      config,
    ],
    notes: 'Only the SHA-256 of a key is kept in etcd. The key itself is shown this once.',
  },
  'hash-password': {
    summary: 'print the hash of a password for basic.users or basic.usersFile',
    operands: '',
    options: [
      { name: 'user', value: 'NAME', description: 'whose it is, to print a whole line of basic.usersFile' },
    ],
    notes: 'Reads the password from standard input.',
  },
  check: {
    summary: 'validate a configuration file, a services file, a route document or the value of an API key',
    operands: 'FILE',
    options: [
      {
        name: 'kind',
        value: 'KIND',
        description: 'what the file is: config, route, services or api-key',
        default: 'told by its fields',
      },
    ],
    notes: 'Prints every problem with its JSON path, and exits with 1 when there is one.',
  },
  doctor: {
    summary: 'say what is wrong with etcd, seen from here',
    operands: '',
    options: [
      etcd,
      embeddedEtcd,
      servicesPrefix,
      routesPrefix,
      config,
      {
        name: 'write-check',
        value: '',
        description: 'also write and delete one key below the services prefix',
      },
      { name: 'json', value: '', description: 'print the findings as JSON' },
    ],
    notes:
      'Takes some 2 seconds, and 10 at most. Exits with 1 when there is a problem; warnings alone are none.',
  },
} as const satisfies Record<string, CommandRow>

export type CommandName = keyof typeof COMMANDS

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

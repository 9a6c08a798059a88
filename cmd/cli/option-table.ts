import { ADMIN_ROLES, CERTIFICATE_ACTIONS, CHECK_KINDS, DESCRIPTOR_ACTIONS, ETCD_ACTIONS } from './command.ts'
import { type CommandRow, config, FIELD_OPTIONS, fieldOptions, type OptionRow } from './option-rows.ts'
import { READING_COMMANDS } from './reading-table.ts'

const claim: OptionRow = {
  name: 'claim',
  value: 'KEY=VALUE',
  description: 'Another claim. A value that is JSON becomes JSON. May be repeated.',
}

const expires: OptionRow = {
  name: 'expires',
  value: 'DURATION',
  description: 'How long it is valid, in seconds or like 90s, 30m, 1h or 7d.',
}

/** Every command, in the order of the help text. */
export const COMMANDS = {
  start: {
    summary: 'run the gateway',
    operands: '',
    options: [config, ...FIELD_OPTIONS],
  },
  demo: {
    summary: 'run an etcd, the gateway and two example services, and print what to try',
    operands: '',
    options: [
      { name: 'grpc', value: '', description: 'The services speak gRPC. Only in a checkout.' },
      { name: 'tls', value: '', description: 'Clients use TLS, with a certificate that openssl makes.' },
      {
        name: 'traffic',
        value: 'N',
        description: 'How many requests a second the demo sends to itself, 0 to 100. Some of them fail.',
        default: '5',
      },
      ...fieldOptions('host', 'port', 'tls-port', 'admin-host', 'admin-port'),
      ...fieldOptions('embedded-etcd', 'embedded-etcd-data', 'data-dir', 'log-level'),
    ],
  },
  register: {
    summary: 'register one node in etcd and keep its lease alive',
    operands: '[-- COMMAND ARGUMENTS...]',
    options: [
      {
        name: 'name',
        value: 'SERVICE',
        description: 'The service that the node belongs to.',
        required: true,
      },
      { name: 'address', value: 'HOST:PORT', description: 'Where the node listens.', required: true },
      {
        name: 'id',
        value: 'ID',
        description: "The node's id, unique in its service.",
        absent: 'made from the address',
      },
      {
        name: 'weight',
        value: 'N',
        description: "The node's share of requests, 0 to 65535. 0: no new requests.",
        default: '1',
      },
      {
        name: 'protocol',
        value: 'PROTOCOL',
        description:
          'What the node speaks: http, h2c (HTTP/2 in cleartext) or grpc, or with TLS https, h2 or grpcs. Others are recorded, but get no requests.',
        absent: 'metadata `protocol`, or else http',
      },
      { name: 'meta', value: 'KEY=VALUE', description: 'Metadata of the node. May be repeated.' },
      {
        name: 'ttl',
        value: 'SECONDS',
        description: 'How long the node stays in etcd after its lease was last renewed, 6 to 86400.',
        default: '10',
      },
      {
        name: 'adopt',
        value: '',
        description:
          'Takes the command over if it runs already, because an earlier sidecar was killed. Only on Linux.',
      },
      ...fieldOptions('etcd', 'services-prefix', 'log-level'),
      config,
    ],
    notes:
      'With a command: runs it, and registers the node once its port accepts connections. When the command ends or on SIGTERM, unregisters the node, drains it, and exits with the exit code of the command.',
  },
  ...READING_COMMANDS,
  token: {
    summary: 'sign a token with the configured secret or private key',
    operands: '',
    options: [
      { name: 'sub', value: 'SUBJECT', description: 'The subject of the token.', required: true },
      { ...expires, default: '1h' },
      claim,
      config,
    ],
  },
  'api-key': {
    summary: 'create an API key, and print the key and value to put into etcd',
    operands: '',
    options: [
      {
        name: 'owner',
        value: 'OWNER',
        description: 'Becomes the user id of requests with the key.',
        required: true,
      },
      { name: 'scope', value: 'SCOPE', description: 'A scope that the key grants. May be repeated.' },
      { name: 'role', value: 'ROLE', description: 'A role that the key grants. May be repeated.' },
      claim,
      { ...expires, absent: 'never expires' },
      config,
    ],
    notes: 'etcd holds only the SHA-256 of the key. The key itself is shown once, by this command.',
  },
  'admin-token': {
    summary: 'create a token of the admin listener, and print it and its lines of the configuration',
    operands: '',
    options: [
      {
        name: 'name',
        value: 'NAME',
        description: 'Who has the token. The gateway says it where it names the caller.',
        required: true,
      },
      {
        name: 'role',
        value: 'ROLE',
        choices: ADMIN_ROLES,
        description:
          'What the token may do: metrics reads /metrics, register registers nodes and reads nothing, read reads everything with clients and users masked, operate reads everything.',
        default: 'read',
      },
      {
        name: 'service',
        value: 'NAME',
        description: 'With the role register: a service whose nodes it may register. May be repeated.',
        absent: 'all services',
      },
    ],
    notes:
      'The configuration holds only the SHA-256 of the token. The token itself is shown once, by this command.',
  },
  'hash-password': {
    summary: 'print the hash of a password for basic.users or basic.usersFile',
    operands: '',
    options: [
      { name: 'user', value: 'NAME', description: 'Prints a whole line of basic.usersFile for this user.' },
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
        choices: CHECK_KINDS,
        description: 'Kind of the file: config, route, policies, services or api-key.',
        absent: 'derived from its fields',
      },
      {
        name: 'admin',
        value: 'URL',
        description:
          'The admin listener of a running gateway. It judges a route document, whose id is the name of the file, against its table: services without a node, documents that hide it or tie with it, and weaker access rules. Its token is read from WAYGATE_ADMIN_TOKEN.',
        absent: 'no gateway is asked',
      },
    ],
    notes: 'Prints every problem with its JSON path. Exits with 1 when there is one.',
  },
  descriptors: {
    summary: 'keep the descriptors of gRPC services in etcd, for JSON in front of gRPC',
    completes: DESCRIPTOR_ACTIONS,
    operands: 'put NAME FILE | get NAME FILE | list | check FILE',
    options: [
      {
        name: 'from',
        value: '[grpcs://]HOST:PORT',
        description:
          'With put: asks this node by server reflection, instead of reading a file. With grpcs:// over TLS, as upstream.tls says.',
      },
      {
        name: 'rules',
        value: '',
        description: 'With list and check: prints the paths at which methods take JSON.',
      },
      ...fieldOptions('etcd'),
      config,
    ],
    notes:
      'FILE is a FileDescriptorSet, as protoc --include_imports --descriptor_set_out and buf build write it. NAME is that of the service, or the one that grpc.descriptors of a route names. check exits with 1 when something in the file has no effect.',
  },
  certificate: {
    summary: 'keep certificates for TLS in etcd, with sealed private keys',
    operands: 'put NAME | list',
    completes: CERTIFICATE_ACTIONS,
    options: [
      {
        name: 'cert',
        value: 'FILE',
        description: 'With put: a certificate (PEM) and those between it and its root.',
      },
      { name: 'key', value: 'FILE', description: 'With put: its private key (PEM).' },
      {
        name: 'key-password-file',
        value: 'FILE',
        description: 'With put: the password of an encrypted key. One newline at its end is ignored.',
      },
      ...fieldOptions('tls-seal-key-file', 'etcd'),
      config,
    ],
    notes:
      'NAME is the key below discovery.certificatesPrefix, and its private key is sealed under that name. Gateways with tls.fromEtcd use the certificate for the names that it has. put checks that certificate and key can be used together before it writes. list exits with 1 when gateways cannot use a certificate.',
  },
  split: {
    summary: 'change the percent of a variant of a route in etcd',
    operands: 'ROUTE VARIANT PERCENT',
    completes: { ids: 'routes' },
    options: [...fieldOptions('etcd', 'routes-prefix'), config],
    notes:
      'ROUTE is the id of the document, VARIANT the name of one of its split.variants. Prints the old and the new percent. Exits with 1, and writes nothing, when somebody else has changed the document meanwhile, or when gateways could not use it.',
  },
  etcd: {
    summary: 'write all keys of an etcd to a file, or put them into another etcd',
    operands: 'export | import',
    completes: ETCD_ACTIONS,
    options: [
      {
        name: 'overwrite',
        value: '',
        description: 'With import: replaces the values of keys that exist.',
      },
      ...fieldOptions('etcd', 'embedded-etcd'),
      config,
    ],
    notes:
      'export writes one line of JSON for each key to standard output. Keys with a lease are left out, because their owners put them again. import reads such lines from standard input. Without --etcd, both use the embedded etcd of a running gateway. import exits with 1 when keys exist with another value.',
  },
  doctor: {
    summary: 'diagnose etcd and what it holds, as seen from this machine',
    operands: '',
    options: [
      config,
      ...fieldOptions('etcd', 'embedded-etcd', 'services-prefix', 'routes-prefix'),
      {
        name: 'write-check',
        value: '',
        description: 'Also writes one key below the services prefix and deletes it.',
      },
      { name: 'json', value: '', description: 'Prints the findings as JSON.' },
    ],
    notes:
      'Takes about 2 seconds and at most 10. Exits with 1 when there is a problem; warnings do not count.',
  },
} as const satisfies Record<string, CommandRow>

export type CommandName = keyof typeof COMMANDS

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

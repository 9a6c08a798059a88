import { ADMIN_VARIABLE } from '../../config/load/environment.ts'
import { COMPLETED_IDS, SHELLS } from './command.ts'
import { type CommandRow, config, fieldOptions, type OptionRow } from './option-rows.ts'
import { OUTPUT_FORMATS } from './output.ts'

const admin: OptionRow = {
  name: 'admin',
  value: 'URL',
  description: 'The admin listener. Its token is read from WAYGATE_ADMIN_TOKEN.',
  absent: 'the configured one',
  variable: ADMIN_VARIABLE,
}

const output: OptionRow = {
  name: 'output',
  short: 'o',
  value: 'FORMAT',
  choices: OUTPUT_FORMATS,
  description:
    'table of at most 100 characters; wide for all of its columns; json and yaml for the answer of the admin API; name for the names alone, one a line.',
  default: 'table',
}

/** The output of a command that shows no list. */
const page: OptionRow = {
  ...output,
  choices: ['table', 'json', 'yaml'],
  description: 'table for people; json and yaml for the answer of the admin API.',
}

const FILTER_NOTE =
  'FILTER is one or more words, which must all hold, such as service:user status:5xx ms>100 path:/api/*. Words that begin with a dash follow a --.'

/** The commands that ask a running gateway and change nothing, in the order of the help text. */
export const READING_COMMANDS = {
  routes: {
    summary: 'show the live routing table',
    operands: '[FILTER]',
    options: [output, admin, config],
    notes:
      'FILTER is one or more words, which must all hold, such as service:user auth:none label:team=a. The fields are route, path, service, method, host, auth, origin, policy, label and description; a word without a field is searched in id, path, service, hosts, description and labels. Words that begin with a dash follow a --.',
  },
  services: {
    summary: 'show the services, or one service with its nodes',
    operands: '[NAME]',
    completes: { ids: 'services' },
    options: [output, admin, config],
  },
  nodes: {
    summary: 'show the nodes of all services or of one, or one node with its lease',
    operands: '[SERVICE[/ID]] [FILTER]',
    completes: { ids: 'nodes' },
    options: [output, admin, config],
    notes:
      'FILTER is one or more words, which must all hold: state:down, breaker:open, health:unhealthy, meta:zone=b, weight>1, address, protocol, node, inflight, requests, failures; a word without a field is searched in id, address and metadata. Words that begin with a dash follow a --.',
  },
  leases: {
    summary: 'show the leases in etcd that hold nodes, locks and elections',
    operands: '',
    options: [output, admin, config],
  },
  top: {
    summary: 'show the requests of each service, again each second',
    operands: '',
    options: [
      {
        name: 'once',
        value: '',
        description:
          'Prints one table, of the last minute. Without a terminal, and with -o, it does so anyway.',
      },
      output,
      admin,
      config,
    ],
    notes: 'Ends with Ctrl-C.',
  },
  tail: {
    summary: 'show the last requests, and then each request as it ends',
    operands: '[FILTER]',
    options: [
      {
        name: 'problems',
        value: '',
        description:
          'Only requests that went wrong: with a status from 400 on, an error code, a failed gRPC status, more than one try or a fallback. Of the last ones, also those that were much slower than others of their route.',
      },
      {
        name: 'lines',
        short: 'n',
        value: 'N',
        description: 'How many of the last ones, 0 to 1024.',
        default: '50',
      },
      { name: 'once', value: '', description: 'Ends after the last ones.' },
      {
        ...output,
        choices: ['table', 'json', 'name'],
        description: 'table for people; json for one object a line; name for the ids alone.',
      },
      admin,
      config,
    ],
    notes: FILTER_NOTE,
  },
  why: {
    summary: 'say what happened to a request, and what would happen to it now',
    operands: 'REQUEST-ID',
    options: [page, admin, config],
    notes:
      'The id is the x-request-id of the answer. A gateway remembers the last 1,024 requests, and the last 512 that went wrong. Exits with 5 when it does not remember the request.',
  },
  explain: {
    summary: 'say what a running gateway would do with a request, and why',
    operands: '[METHOD] URL',
    options: [
      {
        name: 'header',
        short: 'H',
        value: 'NAME: VALUE',
        description: 'A header of the request. May be repeated.',
      },
      {
        name: 'client',
        value: 'ADDRESS',
        description: 'The address from which the request comes.',
        default: '127.0.0.1',
      },
      {
        name: 'claims',
        value: 'JSON',
        description: 'The claims of the client, taken as verified.',
        absent: 'who the client is, is not judged',
      },
      page,
      admin,
      config,
    ],
    notes:
      'Nothing is sent, charged or counted. Exits with 0 when the request would be served, with 5 when it has no route, and with 6 when it would be refused.',
  },
  status: {
    summary: 'say whether a gateway is ready, and where its table comes from',
    operands: '',
    options: [
      {
        name: 'wait',
        value: 'DURATION',
        description: 'Waits so long until it is ready, in seconds or like 30s or 5m.',
        absent: 'does not wait',
      },
      page,
      admin,
      config,
    ],
    notes: 'Exits with 1 when it is not ready.',
  },
  reload: {
    summary: 'let a running gateway load its configuration again, without a restart',
    operands: '',
    options: [
      { name: 'dry-run', value: '', description: 'Only says what would change.' },
      page,
      admin,
      config,
    ],
    notes:
      'Needs a token with the role operate. SIGHUP does the same without one. Exits with 1 when the configuration was refused, which changes nothing; a dry run with 3 when something would change.',
  },
  healthcheck: {
    summary: 'ask the gateway of this configuration whether it lives, for containers and units',
    operands: '',
    options: [...fieldOptions('admin-host', 'admin-port'), config],
    notes:
      'Asks /healthz of the configured admin listener, which needs no token. Exits with 1 when it does not answer within 3 s.',
  },
  dashboard: {
    summary: "print the link of the gateway's page, with the token in it",
    operands: '',
    options: [{ name: 'open', value: '', description: 'Opens it in a browser as well.' }, admin, config],
    notes: 'The token stands in the fragment of the link, which a browser sends to nobody.',
  },
  completion: {
    summary: 'print a script that completes commands, options and ids in a shell',
    operands: 'bash | zsh | fish | ids KIND',
    completes: SHELLS,
    options: [admin, config],
    notes: `The scripts call ids for the names that a running gateway knows. KIND is one of ${COMPLETED_IDS.join(', ')}. A gateway that does not answer within 0.3 s has none.`,
  },
} as const satisfies Record<string, CommandRow>

export type ReadingCommandName = keyof typeof READING_COMMANDS

import { localUrlOf } from '../cli/listening.ts'
import { IS_EXECUTABLE, IS_SOURCE } from '../cli/version.ts'
import type { Stack } from '../gateway/stack.ts'
import { dashboardLink } from './dashboard.ts'

export interface DemoFacts {
  /** A token of a user called "demo". */
  readonly token: string
  /** URL of etcd. */
  readonly etcd: string
  /** Default ports on which other processes listen. */
  readonly taken: readonly number[]
  /** The process of one of the two user services. */
  readonly firstPid: number
  /** The certificate that clients must trust; undefined = they use no TLS. */
  readonly ca: string | undefined
  /** How many requests a second the demo sends to itself. */
  readonly traffic: number
  /** That of the admin listener; undefined = it asks for none. */
  readonly adminToken: string | undefined
}

const JSON_TYPE = `-H 'content-type: application/json'`
const BEARER = `-H "authorization: Bearer $TOKEN"`
const BUF =
  'npx --yes @bufbuild/buf@1.75.0 curl --http2-prior-knowledge --protocol grpc --schema examples/grpc/proto'

/** Returns what the demo prints when everything runs: the addresses, a token, and commands that work as printed. */
export function introduction(
  kind: 'http' | 'grpc',
  { gateway, adminAddress }: Stack,
  { token, etcd, taken, firstPid, ca, traffic, adminToken }: DemoFacts,
): string {
  const { plain, tls } = gateway.addresses
  const url = ca === undefined ? localUrlOf(plain!) : `https://localhost:${tls!.port}`
  const admin = localUrlOf(adminAddress)
  const program = IS_EXECUTABLE ? process.argv0 : IS_SOURCE ? 'npm run -s waygate' : 'npx waygate'
  const moving =
    traffic === 0 ? '' : ` The demo itself sends ${traffic} requests a second, which are not among them.`
  const elsewhere =
    taken.length === 0
      ? ''
      : ` These ports are in use, so free ones were chosen instead: ${taken.join(', ')}.`
  const services =
    kind === 'grpc' ? 'user (two nodes), task; both speak gRPC' : 'user (two nodes, weighted 3:1), task'
  return `
Waygate is running.${elsewhere}

  gateway  ${url}
  page     ${dashboardLink(admin, adminToken)}
  etcd     ${etcd}
  services ${services}

A token that is good for an hour, of a user called "demo", and where the gateway can be asked:

  export TOKEN=${token}
  export WAYGATE_ADMIN=${admin}${adminToken === undefined ? '' : ` WAYGATE_ADMIN_TOKEN=${adminToken}`}

Try, in another terminal:
${withCa(kind === 'grpc' ? grpcCommands(url) : httpCommands(url), ca)}
  # the live routing table, the requests of each service, and each request as it ends
  ${program} routes
  ${program} top
  ${program} tail

  # what happens when a node dies: kill one of the two user services and repeat the request
  kill -9 ${firstPid}

Below, each of your requests becomes a line of the log.${moving} Ctrl-C stops all of it.
`
}

/** Lets the commands trust a certificate, and speak HTTP/2 as TLS has agreed on it. */
function withCa(commands: string, ca: string | undefined): string {
  if (ca === undefined) return commands
  return commands.replaceAll(/curl (?:--http2-prior-knowledge )?/g, `curl --cacert ${ca} `)
}

function httpCommands(url: string): string {
  return `
  # without a token: 401
  curl -i ${url}/task/tasks

  # create and list tasks
  curl ${url}/task/tasks ${BEARER} ${JSON_TYPE} -d '{"title":"read the README"}'
  curl ${url}/task/tasks ${BEARER}

  # register, log in, and use the token that the user service issues
  curl ${url}/user/register ${JSON_TYPE} -d '{"name":"ada","password":"correct horse"}'
  TOKEN=$(curl -s ${url}/user/login ${JSON_TYPE} -d '{"name":"ada","password":"correct horse"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl ${url}/user/me ${BEARER}
`
}

function grpcCommands(url: string): string {
  return `
  # without a token: 401
  curl -i ${url}/task/v1/tasks

  # call a method by gRPC, and the same method with JSON
  ${BUF} ${BEARER} -d '{"title":"read the README"}' ${url}/task.v1.Tasks/CreateTask
  curl ${url}/task/CreateTask ${BEARER} -d '{"title":"read the README"}'

  # its path of google.api.http, a task at its own path, and one that does not exist, as a problem document
  curl ${url}/task/v1/tasks ${BEARER}
  ID=$(curl -s ${url}/task/v1/tasks ${BEARER} | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')
  curl ${url}/task/v1/tasks/$ID ${BEARER}
  curl -i ${url}/task/v1/tasks/7 ${BEARER}

  # a stream, a line of JSON for each change; ends with Ctrl-C
  curl -N ${url}/task/v1/tasks:watch ${BEARER}

  # register, log in, and use the token that the user service issues
  curl ${url}/user/v1/register -d '{"name":"ada","password":"correct horse"}'
  TOKEN=$(curl -s ${url}/user/v1/login -d '{"name":"ada","password":"correct horse"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl ${url}/user/v1/me ${BEARER}
`
}

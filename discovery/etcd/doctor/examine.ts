import type { Etcd3 } from 'etcd3'
import type { Route } from '../../../internal/route.ts'
import type { ParsedRoute } from '../../directory.ts'
import { createEtcdClient, type EtcdClientOptions } from '../client.ts'
import type { ServicesPrefix } from '../prefixes.ts'
import { checkAuthentication } from './authentication.ts'
import { judgeCluster, judgeVersions } from './cluster.ts'
import { checkEndpoint, type EndpointReport, type MemberStatus, readStatus } from './endpoint.ts'
import { type EndpointUrl, isLoopback, parseEndpoint } from './endpoint-url.ts'
import { CHECKS, type Check, type Finding } from './finding.ts'
import { checkKeyLeases } from './key-leases.ts'
import { checkLeases, leaseCalls } from './lease-clock.ts'
import { checkMembers } from './members.ts'
import { judgePrefix, judgeServices, type NodeKey, readNodeKeys } from './nodes.ts'
import { readQuota } from './quota.ts'
import { type PrefixContent, readPrefix } from './read-prefix.ts'
import { reasonOf, refusalOf } from './refusal.ts'
import { judgeRoutes } from './routes.ts'
import { checkSpace, type MemberSpace } from './space.ts'
import { checkWatches } from './watch.ts'
import { NotInTimeError, within } from './within.ts'
import { checkWriting } from './write-check.ts'

export interface ExamineOptions extends Omit<EtcdClientOptions, 'logger'> {
  /** Every prefix that nodes are read from; none of them overlaps another. */
  readonly sources: readonly ServicesPrefix[]
  /** Where this configuration's own nodes are registered. */
  readonly servicesPrefix: string
  readonly routesPrefix: string
  readonly parseRoute: (id: string, document: unknown) => ParsedRoute
  /** Route documents that do not come from etcd. */
  readonly fileRoutes: readonly Route[]
  /** Whether to write and delete a key below `servicesPrefix`. */
  readonly writeCheck: boolean
}

// One after the other below 10 s, for an etcd that hangs wherever it can.
const CONNECT_MS = 2_000
const FIRST_CALL_MS = 1_500
const NEXT_CALL_MS = 500
const AUTHENTICATE_MS = 1_500
const STATUS_MS = 1_000
const LOOK_MS = 3_250
// Within that of the look.
const READ_MS = 2_500
const KEY_LEASES_MS = 500
const QUOTA_MS = 1_000

/**
 * Looks at an etcd from here, and at what it says to a gateway: every endpoint by itself first, then the
 * cluster through those that answer. Takes 10 s at most, some 2 s with a healthy etcd, for that is how long
 * the clock of leases is watched. Writes nothing, unless told to; takes one lease without keys.
 */
export async function examine(options: ExamineOptions): Promise<readonly Finding[]> {
  const clients: Etcd3[] = []
  const open = (endpoints: readonly string[], user?: string, password?: string) => {
    const client = createEtcdClient({ endpoints, user, password, tls: options.tls })
    clients.push(client)
    return client
  }
  try {
    const { endpoints } = options
    const unfit = unfitFor(() => open(endpoints))
    return unfit ? [unfit] : inOrder(await look(options, open))
  } finally {
    for (const client of clients) client.close()
  }
}

/** What a client that cannot even be made says: endpoints and TLS files that do not go together. */
function unfitFor(make: () => Etcd3): Finding | undefined {
  try {
    make()
    return undefined
  } catch (error) {
    const message = `no connection to etcd can be made like this: ${reasonOf(error)}`
    const hint = 'correct --etcd, and WAYGATE_ETCD_CA, WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY'
    return { check: 'configuration', level: 'problem', message, hint }
  }
}

type Open = (endpoints: readonly string[], user?: string, password?: string) => Etcd3

async function look(options: ExamineOptions, open: Open): Promise<Finding[]> {
  const { endpoints, user, password, tls } = options
  const places = endpoints.map(parseEndpoint)
  const reports = await Promise.all(
    places.map(endpoint =>
      checkEndpoint({
        endpoint,
        tls,
        client: open([endpoint.url]),
        connectMs: CONNECT_MS,
        callMs: FIRST_CALL_MS,
        nextCallMs: NEXT_CALL_MS,
      }),
    ),
  )
  const findings = reports.flatMap(report => report.findings)
  const usable = reports.filter(report => report.usable).map(({ url }) => url)
  if (usable.length === 0) return findings

  const client = open(usable, user, password)
  const { findings: told, isAccepted } = await within(
    AUTHENTICATE_MS,
    checkAuthentication({
      anonymous: open(usable),
      client,
      user,
      password,
      prefix: options.servicesPrefix,
      isOpenNetwork: places.some(({ secure, host }) => !secure && !isLoopback(host)),
    }),
  ).catch((error: unknown) => ({
    findings: [unfinished('authentication', error)],
    isAccepted: false,
  }))
  findings.push(...told)
  const statuses = isAccepted
    ? await Promise.all(reports.map(report => statusOf(report, open, options)))
    : reports.map(report => report.status)
  const known = statuses.filter(status => status !== undefined)
  findings.push(...judgeVersions(known), ...judgeCluster(known))
  if (known.length === 0 && reports.some(report => report.isReserved)) {
    const message = 'versions, leader and sizes of the members are not ours to see (etcd shows them to root)'
    findings.push({ check: 'cluster', level: 'skipped', message })
  }
  if (!isAccepted) {
    const message = 'what etcd holds could not be looked at, as it cannot be read'
    return [...findings, { check: 'nodes', level: 'skipped', message }]
  }

  const watched = [...options.sources.map(({ prefix }) => prefix), options.routesPrefix]
  const looks = await Promise.all([
    guard('members', () => checkMembers(client, endpoints, known)),
    guard('space', async () => checkSpace(client, await withQuota(known, places, options))),
    guard('leases', () => checkLeases(leaseCalls(client))),
    guard('watch', () => checkWatches(client, watched)),
    lookAtKeys(client, options, !places.some(({ host }) => isLoopback(host))),
    options.writeCheck ? guard('writing', () => checkWriting(client, options.servicesPrefix)) : [],
  ])
  return [...findings, ...looks.flat()]
}

/** A status that is not for everybody may be for the user. */
async function statusOf(
  { url, status, isReserved }: EndpointReport,
  open: Open,
  { user, password }: ExamineOptions,
): Promise<MemberStatus | undefined> {
  if (!isReserved || user === undefined) return status
  const result = await readStatus(open([url], user, password), url, STATUS_MS)
  return 'status' in result ? result.status : undefined
}

function withQuota(
  statuses: readonly MemberStatus[],
  places: readonly EndpointUrl[],
  { tls }: ExamineOptions,
): Promise<MemberSpace[]> {
  return Promise.all(
    statuses.map(async status => {
      const place = places.find(({ url }) => url === status.url)
      return { ...status, quotaBytes: place && (await readQuota(place, tls, QUOTA_MS)) }
    }),
  )
}

async function lookAtKeys(client: Etcd3, options: ExamineOptions, isRemote: boolean): Promise<Finding[]> {
  const { sources, routesPrefix, parseRoute, fileRoutes } = options
  const ending = AbortSignal.timeout(READ_MS)
  const findings: Finding[] = []
  const readOrTell = async (check: Check, prefix: string): Promise<PrefixContent | undefined> => {
    try {
      return await within(READ_MS, readPrefix(client, prefix, ending))
    } catch (error) {
      findings.push(unreadable(check, prefix, error))
      return undefined
    }
  }
  const [routes, ...contents] = await Promise.all([
    readOrTell('routes', routesPrefix),
    ...sources.map(({ prefix }) => readOrTell('nodes', prefix)),
  ])
  const keys: NodeKey[] = []
  for (const [index, source] of sources.entries()) {
    const content = contents[index]
    if (!content) continue
    try {
      const read = readNodeKeys(source, content)
      keys.push(...read)
      findings.push(...judgePrefix(source.prefix, content, read))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      findings.push({
        check: 'configuration',
        level: 'problem',
        message: `${source.prefix}: ${error.message}`,
      })
    }
  }
  findings.push(...(await guard('nodes', () => checkKeyLeases(client, keys), KEY_LEASES_MS)))
  const prefixes = sources.map(({ prefix, service }) => ({ prefix, service }))
  findings.push(...judgeServices(keys, { prefixes, isRemote }))
  if (routes) {
    const isWhole = contents.every(content => content !== undefined)
    const services = new Set(keys.flatMap(({ nodes }) => nodes.map(node => node.service)))
    findings.push(
      ...judgeRoutes(routesPrefix, routes, {
        parseRoute,
        fileRoutes,
        services: isWhole ? services : undefined,
      }),
    )
  }
  return findings
}

function unreadable(check: Check, prefix: string, error: unknown): Finding {
  const { kind, reason } = refusalOf(error)
  return {
    check,
    level: 'problem',
    message: `${prefix} cannot be read: ${reason}`,
    hint:
      kind === 'denied'
        ? `etcdctl role grant-permission ROLE --prefix=true read ${prefix}`
        : 'reading needs a leader and a majority of members: look at the other findings first',
    details: { prefix },
  }
}

/** What a check finds, or that it did not come to its end. */
async function guard(
  check: Check,
  look: () => Promise<Finding[]>,
  withinMs: number = LOOK_MS,
): Promise<Finding[]> {
  try {
    return await within(withinMs, look())
  } catch (error) {
    return [unfinished(check, error)]
  }
}

function unfinished(check: Check, error: unknown): Finding {
  const message = `could not be looked at: ${reasonOf(error)}`
  const hint =
    'etcd, or the way to it, is overloaded or cut off: look at the other findings, and run the doctor again'
  return error instanceof NotInTimeError
    ? { check, level: 'problem', message, hint }
    : { check, level: 'problem', message, hint: 'look at the other findings first' }
}

function inOrder(findings: readonly Finding[]): Finding[] {
  return CHECKS.flatMap(check => findings.filter(finding => finding.check === check))
}

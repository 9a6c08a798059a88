import type { Etcd3 } from 'etcd3'
import { createEtcdClient, type EtcdClientOptions } from '../client.ts'
import { type EndpointUrl, isLoopbackHost, parseEndpoint } from '../endpoint-url.ts'
import { checkAuthentication } from './authentication.ts'
import { judgeCluster, judgeVersions } from './cluster.ts'
import { checkEndpoint, type EndpointReport, type MemberStatus, readStatus } from './endpoint.ts'
import { CHECKS, type DoctorFinding } from './finding.ts'
import { guard, unfinished } from './guard.ts'
import { checkKeys, type KeysOptions } from './keys.ts'
import { checkLeases, leaseCalls } from './lease-clock.ts'
import { checkMembers } from './members.ts'
import { readQuota } from './quota.ts'
import { refusalReason } from './refusal.ts'
import { checkSpace, type MemberSpace } from './space.ts'
import { checkWatches } from './watch.ts'
import { within } from './within.ts'
import { checkWriting } from './write-check.ts'

export interface ExamineOptions
  extends Omit<EtcdClientOptions, 'logger'>,
    Omit<KeysOptions, 'isRemote' | 'withinMs'> {
  /** The prefix under which this configuration registers nodes. */
  readonly servicesPrefix: string
  /** Whether to write and delete a key below `servicesPrefix`. */
  readonly writeCheck: boolean
  /**
   * The time for everything except up to three times 250 ms. Default 9,000. Tests on overloaded machines use
   * more.
   */
  readonly patienceMs?: number | undefined
}

/** Stays below 10 s together with the steps of {@link LEAST_MS}, even when etcd hangs at every step. */
const PATIENCE_MS = 9_000
/** The least time for a step, however long the steps before it took. */
const LEAST_MS = 250
const QUOTA_MS = 1_000

/** The time budget: up to a third for each step. The last third is reserved for the checks at the end. */
class Patience {
  readonly thirdMs: number
  readonly #endsAt: number

  constructor(totalMs: number) {
    this.thirdMs = totalMs / 3
    this.#endsAt = performance.now() + totalMs
  }

  get stepMs(): number {
    const left = this.#endsAt - performance.now() - this.thirdMs
    return Math.max(LEAST_MS, Math.min(this.thirdMs, Math.round(left)))
  }
}

/**
 * Examines an etcd and its data as a gateway on this machine sees them: first every endpoint by itself, then
 * the cluster through those that answer. It takes about 2 s with a healthy etcd, because it observes the
 * clock of a lease for that long, and at most 10 s. It takes one lease without keys, and writes a key only
 * with `writeCheck`.
 */
export async function examine(options: ExamineOptions): Promise<readonly DoctorFinding[]> {
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

/**
 * Returns a finding when no client can be created, because the endpoints and TLS files do not fit together.
 */
function unfitFor(make: () => Etcd3): DoctorFinding | undefined {
  try {
    make()
    return undefined
  } catch (error) {
    const message = `etcd cannot be reached with these options: ${refusalReason(error)}`
    const hint = 'correct --etcd, and WAYGATE_ETCD_CA, WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY'
    return { check: 'configuration', level: 'problem', message, hint }
  }
}

type Open = (endpoints: readonly string[], user?: string, password?: string) => Etcd3

async function look(options: ExamineOptions, open: Open): Promise<DoctorFinding[]> {
  const { endpoints, user, password, tls, patienceMs = PATIENCE_MS } = options
  const patience = new Patience(patienceMs)
  const places = endpoints.map(parseEndpoint)
  const reports = await Promise.all(
    places.map(endpoint =>
      checkEndpoint({
        endpoint,
        tls,
        client: open([endpoint.url]),
        connectMs: patience.stepMs,
        callMs: () => patience.stepMs,
      }),
    ),
  )
  const findings = reports.flatMap(report => report.findings)
  const usable = reports.filter(report => report.usable).map(({ url }) => url)
  if (usable.length === 0) return findings

  const client = open(usable, user, password)
  const { findings: about, isAccepted } = await within(
    patience.stepMs,
    checkAuthentication({
      anonymous: open(usable),
      client,
      user,
      password,
      prefix: options.servicesPrefix,
      isOpenNetwork: places.some(({ secure, host }) => !secure && !isLoopbackHost(host)),
    }),
  ).catch((error: unknown) => ({
    findings: [unfinished('authentication', error)],
    isAccepted: false,
  }))
  findings.push(...about)
  const statuses = isAccepted
    ? await Promise.all(reports.map(report => statusOf(report, open, options, patience.stepMs)))
    : reports.map(report => report.status)
  const known = statuses.filter(status => status !== undefined)
  findings.push(...judgeVersions(known), ...judgeCluster(known))
  if (known.length === 0 && reports.some(report => report.isReserved)) {
    const message =
      'this user may not see the versions, leader and sizes of the members (etcd shows them to root)'
    findings.push({ check: 'cluster', level: 'skipped', message })
  }
  if (!isAccepted) {
    const message = 'the content of etcd was not checked, because it cannot be read'
    return [...findings, { check: 'nodes', level: 'skipped', message }]
  }

  const lookMs = patience.thirdMs
  const isRemote = !places.some(({ host }) => isLoopbackHost(host))
  const watched = [...options.sources.map(({ prefix }) => prefix), options.routesPrefix]
  const looks = await Promise.all([
    guard('members', () => checkMembers(client, endpoints, known), lookMs),
    guard('space', async () => checkSpace(client, await withQuota(known, places, options)), lookMs),
    guard('leases', () => checkLeases(leaseCalls(client)), lookMs),
    checkWatches(client, watched, lookMs),
    checkKeys(client, { ...options, isRemote, withinMs: lookMs }),
    options.writeCheck ? guard('writing', () => checkWriting(client, options.servicesPrefix), lookMs) : [],
  ])
  return [...findings, ...looks.flat()]
}

/** Reads the status of a member again with the configured user, if it was refused without one. */
async function statusOf(
  { url, status, isReserved }: EndpointReport,
  open: Open,
  { user, password }: ExamineOptions,
  withinMs: number,
): Promise<MemberStatus | undefined> {
  if (!isReserved || user === undefined) return status
  const result = await readStatus(open([url], user, password), url, withinMs)
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

function inOrder(findings: readonly DoctorFinding[]): DoctorFinding[] {
  return CHECKS.flatMap(check => findings.filter(finding => finding.check === check))
}

import type { Etcd3 } from 'etcd3'
import type { ServicesPrefix } from '../prefixes.ts'
import { checkCertificates, type InspectCertificate } from './certificates.ts'
import type { Check, DoctorFinding } from './finding.ts'
import { guard } from './guard.ts'
import { checkKeyLeases } from './key-leases.ts'
import { judgePrefix, judgeServices, type NodeKey, readNodeKeys } from './nodes.ts'
import { type PrefixContent, readPrefix } from './read-prefix.ts'
import { refusalOf } from './refusal.ts'
import { judgeRoutes, type RouteSources, type RoutesContext, readRoutes } from './routes.ts'
import { within } from './within.ts'

export interface KeysOptions extends RouteSources, Pick<RoutesContext, 'guess'> {
  /** The prefixes that nodes are read from. None of them overlaps another. */
  readonly sources: readonly ServicesPrefix[]
  readonly routesPrefix: string
  /** Connects to a node that is reached over TLS. Default: certificates are not looked at. */
  readonly inspectCertificate?: InspectCertificate | undefined
  /** Whether etcd is on another machine. */
  readonly isRemote: boolean
  /** The time for all checks together. */
  readonly withinMs: number
}

const KEY_LEASES_MS = 500
/** The least time for the certificates of nodes, however long reading took. */
const CERTIFICATES_MS = 250

/** Checks the content of etcd for a gateway: nodes, routes, and whether they fit together. */
export async function checkKeys(client: Etcd3, options: KeysOptions): Promise<DoctorFinding[]> {
  const { sources, routesPrefix, fileRoutes, guess, isRemote, withinMs } = options
  const readMs = withinMs - KEY_LEASES_MS
  const endsAt = performance.now() + withinMs
  const ending = AbortSignal.timeout(readMs)
  const findings: DoctorFinding[] = []
  // A prefix may have more keys than a call takes arguments.
  const add = (more: readonly DoctorFinding[]) => {
    for (const finding of more) findings.push(finding)
  }
  const readOrTell = async (check: Check, prefix: string): Promise<PrefixContent | undefined> => {
    try {
      return await within(readMs, readPrefix(client, prefix, ending))
    } catch (error) {
      findings.push(unreadable(check, prefix, error))
      return undefined
    }
  }
  const [routes, ...contents] = await Promise.all([
    readOrTell('routes', routesPrefix),
    ...sources.map(({ prefix }) => readOrTell('nodes', prefix)),
  ])
  let keys: readonly NodeKey[] = []
  for (const [index, source] of sources.entries()) {
    const content = contents[index]
    if (!content) continue
    try {
      const read = readNodeKeys(source, content)
      keys = keys.concat(read)
      add(judgePrefix(source.prefix, content, read))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      findings.push({
        check: 'configuration',
        level: 'problem',
        message: `${source.prefix}: ${error.message}`,
      })
    }
  }
  add(await guard('nodes', () => checkKeyLeases(client, keys), KEY_LEASES_MS))
  const prefixes = sources.map(({ prefix, service }) => ({ prefix, service }))
  add(judgeServices(keys, { prefixes, isRemote }))
  const read = routes && readRoutes(routesPrefix, routes, options)
  if (routes && read) {
    const isWhole = contents.every(content => content !== undefined)
    const services = new Set(keys.flatMap(({ nodes }) => nodes.map(node => node.service)))
    add(
      judgeRoutes(routesPrefix, routes, read, {
        fileRoutes,
        guess,
        services: isWhole ? services : undefined,
      }),
    )
  }
  if (options.inspectCertificate) {
    const nodes = keys.flatMap(key => key.nodes)
    const leftMs = Math.max(CERTIFICATES_MS, endsAt - performance.now())
    add(await checkCertificates(nodes, read?.routes ?? fileRoutes, options.inspectCertificate, leftMs))
  }
  return findings
}

function unreadable(check: Check, prefix: string, error: unknown): DoctorFinding {
  const { kind, reason } = refusalOf(error)
  return {
    check,
    level: 'problem',
    message: `${prefix} cannot be read: ${reason}`,
    hint:
      kind === 'denied'
        ? `etcdctl role grant-permission ROLE --prefix=true read ${prefix}`
        : 'reading needs a leader and a majority of members; see the other findings first',
    details: { prefix },
  }
}

import { addressOf, type Node, usesTls } from '../../../internal/nodes/node.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { type DoctorFinding, listed, quantity } from './finding.ts'

/** What a TLS connection to a node came to. */
export type CertificateReport =
  | { readonly result: 'verified'; readonly validTo: Date }
  /** `unreachable`: no connection. `refused`: the handshake failed, or the certificate is not accepted. */
  | { readonly result: 'unreachable' | 'refused'; readonly reason: string }

/**
 * Makes a TLS connection to a node as a gateway does.
 *
 * @param routes all routes, some of which may have rules for TLS
 */
export type InspectCertificate = (
  node: Node,
  routes: readonly Route[],
  withinMs: number,
) => Promise<CertificateReport>

/** Nodes beyond this are not looked at. */
const MAX_NODES = 200
/** Connections at the same time. */
const AT_ONCE = 50
/** The longest that one connection may take. */
const CONNECT_MS = 2_000
const EXPIRES_SOON_DAYS = 21
const DAY_MS = 86_400_000

/** Looks at the certificates of the nodes that are reached over TLS. Without such nodes, there is no finding. */
export async function checkCertificates(
  all: readonly Node[],
  routes: readonly Route[],
  inspect: InspectCertificate,
  withinMs: number,
): Promise<DoctorFinding[]> {
  const nodes = all.filter(usesTls)
  const endsAt = performance.now() + withinMs
  const reports: { readonly node: Node; readonly report: CertificateReport }[] = []
  const waiting = nodes.slice(0, MAX_NODES)
  const work = async () => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      const leftMs = Math.min(CONNECT_MS, endsAt - performance.now())
      if (leftMs <= 0) return
      reports.push({ node, report: await inspect(node, routes, leftMs) })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return judge(reports, nodes.length - reports.length)
}

function judge(
  reports: readonly { readonly node: Node; readonly report: CertificateReport }[],
  notSeen: number,
): DoctorFinding[] {
  const findings: DoctorFinding[] = []
  const add = (
    level: DoctorFinding['level'],
    items: readonly string[],
    what: (count: number) => string,
    hint?: string,
  ) => {
    if (items.length === 0) return
    const details = level === 'ok' ? undefined : listed(items)
    findings.push({ check: 'certificates', level, message: what(items.length), hint, details })
  }
  const itemsOf = (describe: (report: CertificateReport) => string | undefined): string[] =>
    reports.flatMap(({ node, report }) => {
      const text = describe(report)
      return text === undefined ? [] : [`${node.service}/${node.id} at ${addressOf(node)}: ${text}`]
    })
  const now = Date.now()
  const isSoon = (date: Date) => date.getTime() - now < EXPIRES_SOON_DAYS * DAY_MS
  add(
    'ok',
    itemsOf(report => (report.result === 'verified' && !isSoon(report.validTo) ? '' : undefined)),
    count =>
      `${quantity(count, 'node with TLS has', 'nodes with TLS have')} a certificate that is accepted, for ${EXPIRES_SOON_DAYS} days at least`,
  )
  add(
    'problem',
    itemsOf(report => (report.result === 'refused' ? report.reason : undefined)),
    count => `TLS with ${quantity(count, 'node')} fails`,
    'requests to such a node are answered 502; see docs/tls.md',
  )
  add(
    'warning',
    itemsOf(report =>
      report.result === 'verified' && isSoon(report.validTo)
        ? `until ${report.validTo.toISOString()}`
        : undefined,
    ),
    count =>
      `${quantity(count, 'certificate of a node expires', 'certificates of nodes expire')} within ${EXPIRES_SOON_DAYS} days`,
    'renew it on the node; gateways take it with the next connection',
  )
  add(
    'warning',
    itemsOf(report => (report.result === 'unreachable' ? report.reason : undefined)),
    count => `${quantity(count, 'node')} with TLS cannot be connected to from this machine`,
    'start the node, or run the doctor where a gateway runs',
  )
  if (notSeen > 0) {
    const message = `${quantity(notSeen, 'certificate of a node was', 'certificates of nodes were')} not looked at, for want of time`
    findings.push({ check: 'certificates', level: 'skipped', message })
  }
  return findings
}

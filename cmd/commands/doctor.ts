import type { TLSSocket } from 'node:tls'
import { didYouMean } from '../../config/kit/closest.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { routeContext } from '../../config/load/route-context.ts'
import { parseRouteDocument } from '../../config/route/route-document.ts'
import type { InspectCertificate } from '../../discovery/etcd/doctor/certificates.ts'
import { isEmbedded } from '../../discovery/etcd/doctor/cluster.ts'
import { type ExamineOptions, examine } from '../../discovery/etcd/doctor/examine.ts'
import type { DoctorFinding as Finding } from '../../discovery/etcd/doctor/finding.ts'
import { probe } from '../../discovery/etcd/doctor/probe.ts'
import { parseEndpoint } from '../../discovery/etcd/endpoint-url.ts'
import { checkPrefix, servicesPrefixes } from '../../discovery/etcd/prefixes.ts'
import { silentLogger } from '../../discovery/logger.ts'
import type { Route } from '../../internal/routing/route.ts'
import { NodeTls } from '../../wrappers/transport/node-tls.ts'
import { openSocket } from '../../wrappers/transport/open-socket.ts'
import { tlsProblemIn } from '../../wrappers/transport/tls-failures.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { DoctorCommand } from '../cli/command.ts'
import { jsonText } from '../cli/output.ts'
import { createNames } from '../gateway/names.ts'
import { createNodeGuard } from '../gateway/node-guard.ts'
import { etcdClientOptions } from '../gateway/registry.ts'
import { LiveRules } from '../gateway/service-rules.ts'
import { UpstreamTls } from '../gateway/upstream-tls.ts'
import { formatFindings } from './doctor-report.ts'

const CONNECT_MS = 2_000

/** Runs `waygate doctor`: prints what is wrong with etcd. Resolves with the exit code, 1 when there is a problem. */
export async function runDoctor(options: DoctorCommand): Promise<0 | 1> {
  const findings = await findAll(options)
  const isColored = process.stdout.isTTY === true && process.stdout.hasColors()
  console.log(options.json ? jsonText(findings, 2) : formatFindings(findings, { colors: isColored }))
  return findings.some(({ level }) => level === 'problem') ? 1 : 0
}

async function findAll(command: DoctorCommand): Promise<readonly Finding[]> {
  const loaded = loadCommandConfig(command)
  const { config, keys, warnings } = loaded
  const warned = warnings.map((message): Finding => ({ check: 'configuration', level: 'warning', message }))
  if (config.discovery.registry !== 'etcd') {
    const message = `discovery.registry is ${config.discovery.registry}: etcd is not used`
    return [...warned, { check: 'configuration', level: 'ok', message }]
  }
  const { servicesPrefix, routesPrefix, format, sources } = config.discovery
  const context = routeContext(config, keys)
  const parse = (id: string, document: unknown, origin: Route['origin']) =>
    parseRouteDocument(id, document, { ...context, origin })
  const etcd: ExamineOptions = {
    ...etcdClientOptions(config, keys),
    sources: servicesPrefixes({ prefix: servicesPrefix, format }, sources, checkPrefix(routesPrefix)),
    servicesPrefix,
    routesPrefix,
    parseRoute: (id, document) => parse(id, document, 'etcd'),
    fileRoutes: Object.entries(config.routes.documents).flatMap(([id, document]) => {
      const parsed = parse(id, document, 'file')
      return 'route' in parsed ? [parsed.route] : []
    }),
    guess: didYouMean,
    writeCheck: command.writeCheck,
    inspectCertificate: createInspection(loaded),
  }
  if (config.etcd.endpoints !== undefined) return [...warned, ...(await examine(etcd))]
  return [...warned, ...(await examineEmbedded(config.etcd.embedded, etcd))]
}

/** Creates the function that connects to nodes over TLS as a gateway with this configuration does. */
function createInspection({ config, keys }: LoadedConfig): InspectCertificate {
  const rules = new LiveRules({ config })
  const tls = new UpstreamTls({
    ...{ config: config.upstream.tls, keys: keys.upstreamTls, logger: silentLogger },
    ruleOf: service => rules.of(service).upstreamTls,
  })
  const { allows } = createNodeGuard({
    allowedAddresses: config.discovery.allowedAddresses,
    adminPort: () => config.adminPort,
  })
  const names = createNames(config, silentLogger)
  let ruledBy: readonly Route[] | undefined
  return (node, routes, timeoutMs) => {
    if (ruledBy !== routes) rules.update(routes)
    ruledBy = routes
    return new Promise(resolve => {
      const { host, port, service } = node
      const nodeTls = new NodeTls(node, () => tls.settingsOf(service))
      openSocket({ host, port, timeoutMs, names, allows, tls: nodeTls }, (error, socket) => {
        const result = tlsProblemIn(error) === undefined ? 'unreachable' : 'refused'
        if (error) resolve({ result, reason: error.message })
        else {
          const { valid_to } = (socket as TLSSocket).getPeerCertificate()
          resolve({ result: 'verified', validTo: new Date(valid_to) })
        }
        socket.destroy()
      }).on('error', () => {})
    })
  }
}

/** Examines the address at which `waygate start` would run the embedded etcd. */
async function examineEmbedded(address: string, etcd: ExamineOptions): Promise<readonly Finding[]> {
  const none = `no etcd is configured: waygate start runs the embedded etcd at ${address}`
  const hint = 'for more than one machine, run an etcd cluster and name it with --etcd or WAYGATE_ETCD'
  const place = parseEndpoint(`http://${address}`)
  const failure = place.port === 0 ? undefined : await probe(place, undefined, CONNECT_MS)
  if (place.port === 0 || failure?.code === 'ECONNREFUSED') {
    const message = `${none}, where nothing listens yet`
    return [{ check: 'configuration', level: 'ok', message, hint }]
  }
  const findings = await examine(etcd)
  const version = findings.find(({ check }) => check === 'version')?.details?.version
  if (typeof version === 'string' && isEmbedded(version)) {
    const message = `${none}; an embedded etcd already listens there and was examined`
    return [{ check: 'configuration', level: 'ok', message, hint }, ...findings]
  }
  const taken: Finding = {
    check: 'configuration',
    level: 'problem',
    message: `${none}, but something else listens there`,
    hint: `if that is the etcd to use, name it with --etcd http://${address}; otherwise move the embedded etcd with --embedded-etcd`,
  }
  return [taken, ...findings]
}

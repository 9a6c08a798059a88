/**
 * `npm run test:tls`: lets scanners look at gateways with certificates of both kinds, with and without client certificates.
 * Fails when one of them finds a fault, or something weak: a version below TLS 1.2, or a cipher without forward secrecy or
 * without authenticated encryption. A scanner that is not installed is named and left out. It takes a few minutes.
 *
 * Options: `--only TEXT` runs the gateways whose names contain it; `--scanner NAME` runs one scanner; `--report FILE` writes
 * what they have printed.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { onPath } from '../support/etcd.ts'
import { startTlsGateway } from '../support/tls-gateway.ts'
import { runSslscan } from './sslscan.ts'
import { runTestssl } from './testssl.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    scanner: { type: 'string' },
    report: { type: 'string' },
  },
})

const KINDS = { 'elliptic curves': 'ec', RSA: 'rsa' } as const
const SCANNERS = { sslscan: runSslscan, testssl: runTestssl }
/** As of certificates in use: scanners mind those that end soon. */
const DAYS = 90

let isFine = true
const report: string[] = []
const scanners = Object.entries(SCANNERS).filter(([name]) => {
  if (options.scanner !== undefined && options.scanner !== name) return false
  if (onPath(name)) return true
  console.log(`left out: ${name} is not on PATH`)
  return false
})
for (const [title, kind] of Object.entries(KINDS)) {
  for (const asksClients of [false, true]) {
    const name = `${title}, ${asksClients ? 'client certificates required' : 'no client certificates'}`
    if (!name.includes(options.only)) continue
    await using stack = new AsyncDisposableStack()
    const server = stack.use(
      await startTlsGateway({ issued: { kind, days: DAYS }, asksClients, tls: { hsts: {} } }),
    )
    for (const [scanner, scan] of scanners) {
      const { text, faults } = await scan(server, asksClients)
      if (server.gateway.hasExited()) faults.push(`the gateway has ended: ${server.gateway.stderr()}`)
      isFine &&= faults.length === 0
      console.log(`${name}: ${scanner}: ${faults.length === 0 ? 'nothing found' : faults.join('; ')}`)
      report.push(`### ${name}: ${scanner}\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`)
    }
  }
}
if (options.report !== undefined) await writeFile(options.report, report.join('\n'))
process.exit(isFine ? 0 : 1)

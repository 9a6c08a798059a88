import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TlsGateway } from '../support/tls-gateway.ts'
import { isStrong, type Scanned } from './scanned.ts'

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** The faults that it looks for. Each must be among the findings, so that one that was not looked for is noticed. */
const FAULTS = [
  ...['heartbleed', 'CCS', 'ticketbleed', 'ROBOT', 'secure_renego', 'secure_client_renego', 'CRIME_TLS'],
  ...['BREACH', 'POODLE_SSL', 'SWEET32', 'FREAK', 'DROWN', 'LOGJAM', 'BEAST', 'LUCKY13', 'RC4'],
]
const HARMLESS = ['OK', 'INFO']
/** What it says of what it cannot try without a certificate of its own: renegotiation, and BREACH. */
const UNTRIED = 'client x509-based authentication prevents this from being tested'
/** What an authority of tests has not: it publishes no revocations. */
const OF_TESTS = ['cert_revocation']

/** Scans with Debian's testssl. */
export async function runTestssl({ authority, port }: TlsGateway, asksClients: boolean): Promise<Scanned> {
  const file = join(authority.folder, 'testssl.json')
  const text = await new Promise<string>((resolve, reject) => {
    const options = { timeout: 3_600_000, maxBuffer: 16 << 20, cwd: authority.folder }
    const child = execFile(
      'testssl',
      [
        ...['--warnings', 'off', '--color', '0', '--quiet', '--nodns', 'none', '--ip', '127.0.0.1'],
        ...['--add-ca', authority.ca, '--jsonfile', file],
        ...['--protocols', '--std', '--fs', '--server-preference', '--server-defaults', '--headers'],
        ...['--vulnerable', `localhost:${port}/echo/x`],
      ],
      options,
      // Its exit code counts what it has not liked, of which its findings say more.
      (error, stdout) => (error && typeof error.code !== 'number' ? reject(error) : resolve(stdout)),
    )
    child.stdin?.end()
  })
  const findings = JSON.parse(await readFile(file, 'utf8')) as readonly Finding[]
  const faults = findings
    .filter(({ id, severity, finding }) => {
      if (OF_TESTS.includes(id) || (asksClients && finding === UNTRIED)) return false
      return FAULTS.some(fault => id.startsWith(fault))
        ? !HARMLESS.includes(severity)
        : ['HIGH', 'CRITICAL', 'FATAL'].includes(severity) || id === 'scanProblem'
    })
    .map(({ id, severity, finding }) => `${id}: ${severity}: ${finding}`)
  for (const id of FAULTS) {
    // Without a certificate of its own, it gets no answer of HTTP to look at, and may not even say so.
    if (asksClients && id === 'BREACH') continue
    if (!findings.some(found => found.id.startsWith(id))) faults.push(`${id} was not looked for`)
  }
  for (const { id, finding } of findings) {
    const version = /^(SSLv2|SSLv3|TLS1|TLS1_1)$/.exec(id)
    if (version && finding !== 'not offered') faults.push(`${id}: ${finding}`)
  }
  const ciphers = findings
    .filter(({ id }) => id.startsWith('cipherorder_'))
    .flatMap(each => each.finding.split(' '))
  if (ciphers.length < 6) faults.push(`it has found ${ciphers.length} ciphers`)
  for (const cipher of ciphers) if (!isStrong(cipher)) faults.push(`cipher ${cipher}`)
  return { text, faults }
}

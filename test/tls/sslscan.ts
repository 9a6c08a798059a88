import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TlsGateway } from '../support/tls-gateway.ts'
import { isStrong, type Scanned } from './scanned.ts'

/** Scans with Debian's sslscan. */
export async function runSslscan({ authority, port }: TlsGateway, asksClients: boolean): Promise<Scanned> {
  const file = join(authority.folder, 'sslscan.xml')
  const own = asksClients ? authority.issue('scanner') : undefined
  const { stdout } = await promisify(execFile)('sslscan', [
    ...['--no-colour', '--sni-name=localhost', `--xml=${file}`, '--connect-timeout=30'],
    ...(own ? [`--certs=${own.cert}`, `--pk=${own.key}`] : []),
    `127.0.0.1:${port}`,
  ])
  const xml = await readFile(file, 'utf8')
  const faults: string[] = []
  const versions = elements(xml, 'protocol').filter(({ enabled }) => enabled === '1')
  const names = versions.map(({ type, version }) => `${type} ${version}`)
  if (names.join() !== 'tls 1.2,tls 1.3') faults.push(`versions: ${names.join(', ')}`)
  const ciphers = elements(xml, 'cipher')
  if (ciphers.length < 6) faults.push(`it has found ${ciphers.length} ciphers`)
  for (const { cipher = '' } of ciphers) if (!isStrong(cipher)) faults.push(`cipher ${cipher}`)
  for (const { sslversion, vulnerable } of elements(xml, 'heartbleed')) {
    if (vulnerable !== '0') faults.push(`heartbleed in ${sslversion}`)
  }
  for (const element of ['renegotiation', 'compression']) {
    for (const { supported } of elements(xml, element)) if (supported !== '0') faults.push(element)
  }
  return { text: stdout, faults }
}

/** Returns the attributes of the elements with a name. */
function elements(xml: string, name: string): Record<string, string>[] {
  return Array.from(xml.matchAll(new RegExp(`<${name} ([^>]*)>`, 'g')), ([, attributes = '']) =>
    Object.fromEntries(
      Array.from(attributes.matchAll(/(\w+)="([^"]*)"/g), ([, key, value]) => [key!, value!]),
    ),
  )
}

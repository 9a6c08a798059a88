import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)

/**
 * Returns the bill of materials of Waygate, in the JSON of CycloneDX 1.6. Scanners look vulnerabilities up by it: the packages
 * within a bundle are not in any `node_modules` that they could look at.
 *
 * @param folders of the packages, below the checkout, as in the lockfile
 */
export function sbomOf(folders: readonly string[]): string {
  const { name, version, license } = read('package.json')
  const { packages } = read('package-lock.json')
  const components = folders.map(folder => {
    const { integrity } = packages[folder] ?? {}
    return {
      type: 'library',
      ...described(read(join(folder, 'package.json'))),
      ...(integrity && { hashes: [hashOf(integrity)] }),
    }
  })
  // Without a time and a random number, the same sources make the same file.
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', ...described({ name, version, license }) } },
    components,
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

interface Described {
  readonly name: string
  readonly version: string
  readonly license: string
}

function described({ name, version, license }: Described): object {
  const [base = name, scope] = name.split('/').reverse()
  const purl = `pkg:npm/${scope === undefined ? '' : `${encodeURIComponent(scope)}/`}${base}@${version}`
  const isExpression = /\s/.test(license)
  return {
    'bom-ref': purl,
    ...(scope !== undefined && { group: scope }),
    name: base,
    version,
    licenses: [isExpression ? { expression: license } : { license: { id: license } }],
    purl,
  }
}

/** Converts the checksum of a lockfile, such as `sha512-` and base64. */
function hashOf(integrity: string): object {
  const [alg = '', base64 = ''] = integrity.split('-')
  return {
    alg: alg.toUpperCase().replace('SHA', 'SHA-'),
    content: Buffer.from(base64, 'base64').toString('hex'),
  }
}

function read(file: string) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}

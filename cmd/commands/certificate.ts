import { X509Certificate } from 'node:crypto'
import {
  readCert,
  readCertificateDocument,
  writeCertificateDocument,
} from '../../config/keys/certificate-document.ts'
import { readCertificateFiles } from '../../config/keys/certificate-pair.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { putStored, readStored } from '../../discovery/etcd/stored-values.ts'
import { readAltNames } from '../../internal/tls/alt-names.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { CertificateCommand } from '../cli/command.ts'
import { UsageError } from '../cli/format-error.ts'
import { say } from '../cli/output.ts'
import { etcdClientOptions } from '../gateway/registry.ts'

type PutCommand = Extract<CertificateCommand, { readonly action: 'put' }>

/** Runs `waygate certificate`. Resolves with the exit code, 1 when gateways cannot use a certificate. */
export async function runCertificate(command: CertificateCommand): Promise<0 | 1> {
  const loaded = loadCommandConfig(command)
  switch (command.action) {
    case 'put':
      return put(command, loaded)
    case 'list':
      return list(loaded)
    default:
      return command satisfies never
  }
}

async function put({ name, ...files }: PutCommand, { config, file, keys }: LoadedConfig): Promise<0> {
  const sealing = { sealKey: keys.sealKey, plainKeys: config.tls.plainKeys }
  const { document, pair } = orUsageError(() => {
    const pair = readCertificateFiles(files)
    if (pair.validUntil <= Date.now()) {
      throw new Error(`${files.cert}: the certificate expired at ${dateText(pair.validUntil)}`)
    }
    const document = writeCertificateDocument(pair, name, sealing)
    // What was written must be what gateways read: it may be longer than they take.
    readCertificateDocument(document, name, files.cert, sealing)
    return { document, pair }
  })
  const prefix = config.discovery.certificatesPrefix
  await putStored(etcdClientOptions(config, keys), prefix, name, JSON.stringify(document))
  say(`${prefix}${name}: ${describe(pair.names, pair.validUntil)}`)
  if (file !== undefined && !config.tls.fromEtcd) {
    console.error(`${file} does not read certificates from etcd yet: set tls.fromEtcd`)
  }
  return 0
}

/** Runs a step that reads the files of the command line. An error is then told in one line, without a stack. */
function orUsageError<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError((error as Error).message, 'certificate')
  }
}

async function list({ config, keys }: LoadedConfig): Promise<0 | 1> {
  const prefix = config.discovery.certificatesPrefix
  const sealing = { sealKey: keys.sealKey, plainKeys: config.tls.plainKeys }
  let isWell = true
  for (const stored of await readStored(etcdClientOptions(config, keys), prefix, 'certificate')) {
    const key = `${prefix}${stored.name}`
    try {
      if (stored.entry === undefined) throw new Error(stored.problem)
      const { document } = stored.entry
      if (sealing.sealKey === undefined && document.sealedKey !== undefined) {
        say(`${key}: ${describeCert(readCert(document))}; its key was not checked: no seal key is given`)
        continue
      }
      const { names, validUntil } = readCertificateDocument(document, stored.name, key, sealing)
      if (validUntil <= Date.now()) throw new Error(`expired at ${dateText(validUntil)}`)
      say(`${key}: ${describe(names, validUntil)}`)
    } catch (error) {
      isWell = false
      say(`${key}: not usable: ${(error as Error).message}`)
    }
  }
  return isWell ? 0 : 1
}

function describeCert(cert: string): string {
  const { subjectAltName, validToDate } = new X509Certificate(cert)
  const { hosts, addresses } = readAltNames(subjectAltName)
  return describe([...hosts, ...addresses], validToDate.getTime())
}

function describe(names: readonly string[], validUntil: number): string {
  return `${names.join(', ')}; valid until ${dateText(validUntil)}`
}

function dateText(time: number): string {
  return new Date(time).toISOString()
}

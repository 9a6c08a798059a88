import type { Config } from '../schema.ts'
import { readKeyPairFiles } from './certificate-pair.ts'
import { attempt, type Findings, readAuthorities, readKeyText } from './key-files.ts'

/** What the files of `rateLimits.store` hold. */
export interface LimitStoreKeys {
  readonly password?: string
  /** PEM. */
  readonly ca?: string
  /** PEM; there is a key where there is a certificate. */
  readonly cert?: string
  readonly key?: string
}

/** Reads the files of the store of shared limits; undefined when there are none. */
export function loadLimitStoreKeys(
  { store }: Config['rateLimits'],
  findings: Findings,
): LimitStoreKeys | undefined {
  if (store === undefined) return undefined
  const at = ['rateLimits', 'store']
  const { passwordFile, tls } = store
  const password =
    passwordFile === undefined
      ? undefined
      : readKeyText(passwordFile, [...at, 'passwordFile'], findings)?.replace(/\r?\n$/, '')
  if (password === '') {
    findings.problems.push({ path: [...at, 'passwordFile'], message: 'is empty, but must hold a password' })
  }
  const { caFile, certFile: cert, keyFile: key } = tls ?? {}
  const readFrom = <T>(field: string, read: () => T) => attempt([...at, 'tls', field], findings, read)
  const ca = caFile && readFrom('caFile', () => readAuthorities(caFile, findings.readFile))
  // A rule of the configuration holds that there is no certificate without a key.
  const pair = cert && key && readFrom('certFile', () => readKeyPairFiles({ cert, key }, findings.readFile))
  const keys = {
    ...(password && { password }),
    ...(ca && { ca }),
    ...(pair && { cert: pair.cert, key: pair.key }),
  }
  return Object.keys(keys).length === 0 ? undefined : keys
}

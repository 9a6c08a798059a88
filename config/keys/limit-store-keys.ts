import type { Config } from '../schema.ts'
import { type Findings, readKeyText, readPem } from './key-files.ts'

/** What the files of `rateLimits.store` hold. */
export interface LimitStoreKeys {
  readonly password?: string
  /** PEM. */
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
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
  const pem = (field: 'caFile' | 'certFile' | 'keyFile') => {
    const file = tls?.[field]
    if (file === undefined) return undefined
    const path = [...at, 'tls', field]
    const bytes = readPem(file, path, findings)
    if (bytes === undefined || bytes.includes('-----BEGIN ')) return bytes
    findings.problems.push({ path, message: `${file} does not hold PEM` })
    return undefined
  }
  const [ca, cert, key] = [pem('caFile'), pem('certFile'), pem('keyFile')]
  const keys = {
    ...(password && { password }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  }
  return Object.keys(keys).length === 0 ? undefined : keys
}

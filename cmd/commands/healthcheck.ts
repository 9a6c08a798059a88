import { loadConfig } from '../../config/load/load.ts'
import type { HealthcheckCommand } from '../cli/command.ts'
import { localUrlOf } from '../cli/listening.ts'
import { print, tell } from '../cli/output.ts'

/** How long the answer may take. */
const ANSWER_MS = 3_000

/** Runs `waygate healthcheck`. Resolves with the exit code, 1 when the gateway does not answer. */
export async function runHealthcheck({ config: file, settings }: HealthcheckCommand): Promise<0 | 1> {
  const { config } = loadConfig({ file, env: process.env, flags: settings })
  const { adminHost: address, adminPort: port } = config
  if (port === 0) {
    tell('waygate: adminPort is 0, a port that nobody knows: choose one')
    return 1
  }
  const url = `${localUrlOf({ address, port, family: '' })}/healthz`
  try {
    const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    if (!ok) throw new Error(`answered ${status}`)
    print('ok')
    return 0
  } catch (error) {
    const { cause, message } = error as Error
    tell(`waygate: ${url}: ${cause instanceof Error ? cause.message : message}`)
    return 1
  }
}

import { loadCommandConfig } from '../cli/caller.ts'
import type { HealthcheckCommand } from '../cli/command.ts'
import { localUrlOf } from '../cli/listening.ts'
import { print, tell } from '../cli/output.ts'

const { get } = process.getBuiltinModule('node:http')

/** How long the answer may take. */
const ANSWER_MS = 3_000

/** Runs `waygate healthcheck`. Resolves with the exit code, 1 when the gateway does not answer. */
export async function runHealthcheck(command: HealthcheckCommand): Promise<0 | 1> {
  const { adminHost: address, adminPort: port } = loadCommandConfig(command).config
  if (port === 0) {
    tell('waygate: adminPort is 0, a port that nobody knows: choose one')
    return 1
  }
  const url = `${localUrlOf({ address, port, family: '' })}/healthz`
  try {
    const status = await statusOf(url)
    if (status !== 200) throw new Error(`answered ${status}`)
    print('ok')
    return 0
  } catch (error) {
    tell(`waygate: ${url}: ${(error as Error).message}`)
    return 1
  }
}

/** Resolves with the status of the answer. Not by fetch, which does not connect to some ports that may be configured. */
function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, response => resolve(response.statusCode!))
    request.setTimeout(ANSWER_MS, () => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)))
    request.once('error', reject)
  })
}

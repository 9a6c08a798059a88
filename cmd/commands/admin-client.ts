import { loadConfig } from '../../config/load/load.ts'
import type { Configured } from '../cli/command.ts'
import { urlOf } from '../cli/listening.ts'

/** The admin listener did not answer, or not with what was asked for. */
class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly code = 'ERR_ADMIN'
}

export interface AdminAddress extends Configured {
  /** A URL without a trailing slash; undefined = the configured admin listener. */
  readonly admin: string | undefined
}

/**
 * Reads a page of a running gateway, with the configured token.
 *
 * @param question is posted; undefined = the page is read
 * @throws AdminError with one line for people
 */
export async function readAdminPage<Page>(
  path: '/routes' | '/services' | '/api/v1/explain' | '/api/v1/check',
  { admin: url, config: file, settings }: AdminAddress,
  question?: object,
): Promise<Page> {
  const { config } = loadConfig({ file, env: process.env, flags: settings })
  const admin = url ?? urlOf({ address: config.adminHost, port: config.adminPort, family: '' })
  const headers = config.adminToken === undefined ? {} : { authorization: `Bearer ${config.adminToken}` }
  const post = question && {
    method: 'POST',
    body: JSON.stringify(question),
    headers: { ...headers, 'content-type': 'application/json' },
  }
  let response: Response
  try {
    response = await fetch(`${admin}${path}`, { headers, ...post, signal: AbortSignal.timeout(5_000) })
  } catch (error) {
    const { cause } = error as Error
    const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : error
    throw new AdminError(`no gateway answers at ${admin}: ${reason}`)
  }
  if (response.ok) return (await response.json()) as Page
  const hint = response.status === 401 ? 'set WAYGATE_ADMIN_TOKEN' : await detailOf(response)
  throw new AdminError(`${admin}${path} answered ${response.status}${hint === undefined ? '' : `: ${hint}`}`)
}

/** Returns what a problem document says; undefined when the answer is none. */
async function detailOf(response: Response): Promise<string | undefined> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown }
    return typeof detail === 'string' ? detail : undefined
  } catch {
    return undefined
  }
}

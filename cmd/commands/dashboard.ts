import { spawn } from 'node:child_process'
import type { StatusPage } from '../../routes/admin/api-types.ts'
import type { DashboardCommand } from '../cli/command.ts'
import { print, tell } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'

/** Runs `waygate dashboard`. Resolves with the exit code. */
export async function runDashboard(command: DashboardCommand): Promise<0 | 1> {
  const client = new AdminClient(command)
  const { features } = await client.read<StatusPage>('/api/v1/status')
  if (!features.dashboard) {
    tell(`waygate: the page of ${client.url} is switched off: set admin.dashboard`)
    return 1
  }
  const link = dashboardLink(client.url, client.token)
  print(link)
  if (command.open) await openInBrowser(link)
  return 0
}

/** Returns the address of the page. The token is in the fragment, which a browser sends to nobody. */
export function dashboardLink(admin: string, token: string | undefined): string {
  return token === undefined ? `${admin}/` : `${admin}/#token=${encodeURIComponent(token)}`
}

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' }

/** Resolves when the browser was started, or when it is said that there is none. */
async function openInBrowser(link: string): Promise<void> {
  const program = OPENERS[process.platform] ?? 'xdg-open'
  await new Promise<void>(resolve => {
    const child = spawn(program, [link], { stdio: 'ignore', detached: true })
    child.once('error', error => {
      tell(`waygate: no browser was opened: ${error.message}`)
      resolve()
    })
    child.once('spawn', resolve)
    child.unref()
  })
}

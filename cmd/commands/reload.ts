import type { ReloadPage } from '../../routes/admin/reload-types.ts'
import type { ReloadCommand } from '../cli/command.ts'
import { print, printPage, tell, visible } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'

/** Several workers are replaced one by one, and each may take half a minute. */
const WITHIN_MS = 300_000
/** The exit code of a dry run that would change something. */
const DIFFERS = 3

/** Runs `waygate reload`. Resolves with the exit code. */
export async function runReload(command: ReloadCommand): Promise<0 | 3> {
  const { output, dryRun } = command
  const path = `/api/v1/reload${dryRun ? '?dryRun=1' : ''}`
  const page = await new AdminClient(command).ask<ReloadPage>(path, {}, WITHIN_MS)
  if (output === 'json' || output === 'yaml') printPage(output, page)
  else print(describeReload(page, dryRun))
  for (const warning of page.warnings) tell(`warning: ${visible(warning)}`)
  const differs = page.changes.length > 0 || page.needsRestart.length > 0
  return dryRun && differs ? DIFFERS : 0
}

/** Says what a reload has changed, or would, one line each. */
export function describeReload(page: ReloadPage, dryRun: boolean): string {
  const { changes, needsRestart, refusedDocuments } = page
  const lines = [
    ...changes.map(({ path, of, from, to }) =>
      of === 'value' ? `${path}: ${shown(from)} -> ${shown(to)}` : `${path}: ${CHANGED[of]}`,
    ),
    ...needsRestart.map(
      ({ path, kept }) => `${path}: needs a restart${kept === undefined ? '' : `; kept ${shown(kept)}`}`,
    ),
    ...refusedDocuments.map(({ id, reason }) => `route ${id} does not fit and is closed: ${reason}`),
  ]
  if (lines.length === 0) lines.push('nothing has changed')
  else if (dryRun) lines.push('nothing was put in force')
  return lines.map(visible).join('\n')
}

const CHANGED = { secret: 'changed', file: 'the content of the file has changed' } as const

/** The longest text of a value that fits on a line with another. */
const MAX_CHARS = 60

function shown(value: unknown): string {
  if (value === null) return 'none'
  const text = JSON.stringify(value)
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 3)}...` : text
}

import type { ExplainPage } from '../../routes/admin/explain.ts'
import type { ExplainCommand } from '../cli/command.ts'
import { print, printPage, visible } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'

const NO_ROUTE = 5
const REFUSED = 6

/** Runs `waygate explain`. Resolves with the exit code. */
export async function runExplain(command: ExplainCommand): Promise<number> {
  const { method, url, headers, client, claims, output } = command
  const question = { method, url, headers, client, ...(claims && { claims }) }
  const page = await new AdminClient(command).ask<ExplainPage>('/api/v1/explain', question)
  if (output === 'json' || output === 'yaml') printPage(output, page)
  else print(describeExplanation(page))
  const { status = 0, code } = page.wouldAnswer ?? {}
  if (code === 'WG_NO_ROUTE' || code === 'WG_METHOD_NOT_ALLOWED') return NO_ROUTE
  return status >= 400 ? REFUSED : 0
}

/** Formats an explanation for people. */
export function describeExplanation({
  steps,
  candidates,
  nodes,
  wouldAnswer,
  revision,
}: ExplainPage): string {
  const width = Math.max(...steps.map(({ step }) => step.length))
  const lines = steps.map(({ step, ok, text }) => `${ok ? 'ok  ' : 'STOP'}  ${step.padEnd(width)}  ${text}`)
  if (candidates.length > 0) {
    lines.push(
      '',
      'Documents:',
      ...candidates.map(({ id, lost }) => `  ${id}: ${lost ?? 'takes the request'}`),
    )
  }
  if (nodes.length > 0) {
    lines.push('', 'Nodes:', ...nodes.map(({ id, share, why }) => `  ${id}: ${why ?? `${share} %`}`))
  }
  const end =
    wouldAnswer === null
      ? 'A node would answer.'
      : `The gateway would answer ${[wouldAnswer.status, wouldAnswer.code].filter(Boolean).join(' ')}.`
  return [...lines, '', `${end} (revision ${revision ?? '-'})`].map(visible).join('\n')
}

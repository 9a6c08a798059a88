import { ConfigError } from '../../config/kit/problem.ts'
import { membersOf } from '../../config/kit/values.ts'
import { readDocumentFile } from '../../config/load/document-file.ts'
import { PolicySet } from '../../config/route/policy-set.ts'
import { ConfigSchema } from '../../config/schema.ts'
import type { CheckPage, CheckQuestion } from '../../routes/admin/explain.ts'
import type { ServicesPage } from '../../routes/admin/page-types.ts'
import type { CheckCommand, CheckKind } from '../cli/command.ts'
import { AdminClient } from './admin-client.ts'
import { type CheckContext, FILE_CHECKS } from './file-checks.ts'

/** Runs `waygate check`. Resolves with the exit code. */
export async function runCheck({ file, kind, admin }: CheckCommand): Promise<0 | 1> {
  const context: CheckContext = { env: process.env, print: console.log }
  if (admin === undefined) return checkFile({ file, kind }, context)
  const client = new AdminClient({ admin, config: undefined, settings: [] })
  const { services } = await client.read<ServicesPage>('/services')
  const served = services.filter(({ nodes }) => nodes.length > 0)
  const known = new Map(served.map(({ name, nodes }) => [name, nodes]))
  const judge = (question: CheckQuestion) => client.ask<CheckPage>('/api/v1/check', question)
  return checkFile({ file, kind }, { ...context, services: known, judge })
}

/**
 * Says whether `waygate start` would accept a file here and now: key files are read, and the environment counts. A
 * document that belongs into etcd is read as the gateway reads it there, so what is ok can be put as it is.
 * Prints a line for every warning, and `FILE: ok (KIND)` or a line for every problem.
 *
 * Resolves with the exit code.
 */
export async function checkFile(
  { file, kind }: Pick<CheckCommand, 'file' | 'kind'>,
  context: CheckContext,
): Promise<0 | 1> {
  const warn = (warnings: readonly string[]) => {
    for (const warning of warnings) context.print(`${file}: warning: ${warning}`)
  }
  try {
    const document = readDocumentFile(file, { cwd: context.cwd })
    const found = kind ?? kindOf(document.value)
    const { problems, warnings } = await FILE_CHECKS[found](file, document, context)
    if (problems.length > 0) throw new ConfigError(problems, warnings)
    warn(warnings)
    context.print(`${file}: ok (${KINDS[found]})`)
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    warn(error.warnings)
    for (const line of error.message.split('\n')) context.print(line)
    return 1
  }
}

const KINDS: Readonly<Record<CheckKind, string>> = {
  config: 'config',
  route: 'route document',
  policies: 'policy set',
  services: 'services file',
  'api-key': 'API key',
}

/** Every kind except a configuration has a field that no other kind has. */
function kindOf(document: unknown): CheckKind {
  const has = (field: string) =>
    typeof document === 'object' && document !== null && Object.hasOwn(document, field)
  if (has('path') || has('service')) return 'route'
  if (has('services')) return 'services'
  if (has('owner')) return 'api-key'
  return isPolicySet(document) ? 'policies' : 'config'
}

/** Whether every field is one of policy sets, and one of them is none of a configuration. */
function isPolicySet(document: unknown): boolean {
  const fields = Object.keys(membersOf(document))
  const isField =
    ({ properties }: { properties: object }) =>
    (field: string) =>
      Object.hasOwn(properties, field)
  return fields.every(isField(PolicySet)) && !fields.every(isField(ConfigSchema))
}

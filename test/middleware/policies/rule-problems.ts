import { tmpdir } from 'node:os'
import { jsonPath } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { findRoutesRuleProblems } from '../../../config/load/rules.ts'
import type { RuleContext } from '../../../config/policies/policy-rule.ts'
import { NO_TOKEN } from '../../../config/route/route-auth.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'

const { grpc, routes } = loadConfig({ env: {}, cwd: tmpdir() }).config
const { defaults } = routes

/** Returns why a route document for the service `s` with these fields is refused; undefined when it is not. */
export function reasonOf(fields: object, context: Omit<RuleContext, 'document'> = {}): string | undefined {
  const parsed = parseRouteDocument(
    'r',
    { path: '/a', service: 's', ...fields },
    {
      ...{ origin: 'etcd', defaults, grpc, defaultAuth: NO_TOKEN },
      ...{ identityHeaders: ['x-user-id', 'x-org'], ...context },
    },
  )
  return 'reason' in parsed ? parsed.reason : undefined
}

/** Returns the first problem of `routes.defaults` with these fields, with its path; undefined when there is none. */
export function defaultsProblem(defaults: object, context: RuleContext = {}): string | undefined {
  const [found] = findRoutesRuleProblems({ routes: { defaults } }, context)
  return found && `${jsonPath(found.path)}: ${found.message}`
}

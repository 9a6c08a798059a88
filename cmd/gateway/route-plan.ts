import { GatewayError } from '../../internal/http/errors.ts'
import type {
  EditHead,
  Exchange,
  HidesField,
  Policy,
  RoutePlan,
  Step,
  TransformBody,
} from '../../internal/policy.ts'
import { type Upstream, type Wrapper, wrap } from '../../internal/upstream.ts'
import type { PolicyCounts } from '../../routes/admin/metrics/policy-metrics.ts'

/** A policy of a route, with the field of the document that holds its rule. */
export interface NamedPolicy {
  readonly name: string
  readonly policy: Policy
}

const BROKEN = new GatewayError('WG_ROUTE_BROKEN', {
  headers: { 'retry-after': '5' },
  cause: new Error('the document of the route is invalid'),
})

/**
 * Sorts the hooks of policies by the moment at which they are called. Requests meet policies in their order, answers in the reverse.
 *
 * @param upstream the call to a node, which `around` wraps
 * @param counts gets the refusals
 */
export function compilePlan(
  policies: readonly NamedPolicy[],
  upstream: Upstream,
  counts: Pick<PolicyCounts, 'refusals'>,
): RoutePlan {
  const steps = (hook: 'onRequest' | 'onAuthorized'): Step[] =>
    policies.flatMap(({ name, policy }) => {
      const step = policy[hook]
      return step ? [counted(name, step, counts)] : []
    })
  const all = <Hook extends 'around' | 'onResponse' | 'transform' | 'hidesFromClient' | 'hidesFromNode'>(
    hook: Hook,
  ) => policies.flatMap(({ policy }) => policy[hook] ?? []) as NonNullable<Policy[Hook]>[]
  const transforms = (all('transform') as TransformBody[]).reverse()
  return {
    onRequest: steps('onRequest'),
    onAuthorized: steps('onAuthorized'),
    upstream: wrap(upstream, all('around') as Wrapper[]),
    refusal: policies.find(({ policy }) => policy.refusal)?.policy.refusal,
    onResponse: (all('onResponse') as EditHead[]).reverse(),
    transforms: transforms.length === 0 ? undefined : transforms,
    hidesFromClient: anyOf(all('hidesFromClient') as HidesField[]),
    hidesFromNode: anyOf(all('hidesFromNode') as HidesField[]),
  }
}

/** The plan of a route whose document is invalid: it refuses every request. */
export function brokenPlan(upstream: Upstream): RoutePlan {
  const refuse = () => {
    throw BROKEN
  }
  return {
    ...{ onRequest: [refuse], onAuthorized: [], upstream, onResponse: [] },
    refusal: undefined,
    ...{ transforms: undefined, hidesFromClient: undefined, hidesFromNode: undefined },
  }
}

/** Notes the refusals of a step in the call and in the metrics. */
function counted(name: string, step: Step, counts: Pick<PolicyCounts, 'refusals'>): Step {
  const note = (error: unknown, { call }: Exchange): never => {
    if (error instanceof GatewayError) {
      call.policy = name
      counts.refusals.add(call.route!.id, [name, call.limits?.rule ?? ''])
    }
    throw error
  }
  return exchange => {
    try {
      const answer = step(exchange)
      return answer instanceof Promise ? answer.catch(error => note(error, exchange)) : answer
    } catch (error) {
      return note(error, exchange)
    }
  }
}

function anyOf(hides: readonly HidesField[]): HidesField | undefined {
  return hides.length === 0 ? undefined : spelling => hides.some(each => each(spelling))
}

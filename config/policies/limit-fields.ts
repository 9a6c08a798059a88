import { type Finding, under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, METHOD, membersOf } from '../kit/values.ts'
import { findKeyProblems } from './key-rule.ts'
import { ENFORCE, type RuleContext } from './policy-rule.ts'

const COST = { minimum: 0, maximum: 1_000 } as const

/** The fields that rate limits and quotas have in common. */
export const LIMIT_FIELDS = {
  limit: Type.Integer({
    minimum: 1,
    maximum: 1_000_000_000,
    description: 'Requests of cost 1 in each window.',
  }),
  store: Type.Optional(
    Type.Enum(['local', 'shared'], {
      description:
        '`local`: each process counts by itself. `shared`: all gateways count together, in the store of `rateLimits.store`.',
    }),
  ),
  scope: Type.Optional(
    Type.Enum(['route', 'set', 'service'], {
      description:
        'Which requests are counted together: those of the `route` (the default), of all routes of its `service` that have a rule of this name and key, or of all routes that take the rule from the same policy set or from `routes.defaults` (`set`).',
    }),
  ),
  cost: Type.Optional(
    Type.Union(
      [
        Type.Integer(COST),
        closed(
          {
            byMethod: Type.Record(METHOD, Type.Integer(COST), { minProperties: 1 }),
          },
          { title: 'costs by method' },
        ),
      ],
      {
        description:
          'How much a request counts: a number, or `{"byMethod": {"POST": 5}}`, where other methods count 1. Absent: 1. A request of cost 0 is neither counted nor refused.',
      },
    ),
  ),
  onMissing: Type.Optional(
    Type.Enum(['address', 'shared', 'skip', 'refuse'], {
      description:
        'What happens to a request without a value for the key. `address`, the default: its address stands for it. `shared`: all such requests count together. `skip`: the rule does not apply. `refuse`: it gets 400.',
    }),
  ),
  enforce: ENFORCE,
}

/** `onStoreDown`, with its default. */
export function onStoreDown(absent: 'local' | 'allow') {
  return Type.Optional(
    Type.Enum(['local', 'allow', 'refuse'], {
      description: `What happens while the store cannot be asked. \`local\`: this process counts by itself, up to its share of the limit. \`allow\`: requests pass. \`refuse\`: they get 503. Absent: \`${absent}\`.`,
    }),
  )
}

/**
 * Finds what is wrong with the common fields of a rule beyond their schemas. Fields of the wrong type are skipped.
 *
 * @param atOnce how much may come at once, so that a request of a higher cost could never pass
 * @param store where the rule counts if it does not say so
 */
export function* findLimitProblems(
  rule: Readonly<Record<string, unknown>>,
  atOnce: unknown,
  store: 'local' | 'shared',
  context: RuleContext,
): Generator<Finding> {
  yield* under(['key'], findKeyProblems(rule.key, context))
  if ((rule.store ?? store) === 'shared' && context.hasLimitStore === false) {
    const message = 'needs rateLimits.store in the configuration: set it, or use "local"'
    yield { path: ['store'], message: rule.store === undefined ? `is "shared", which ${message}` : message }
  }
  yield* costProblems(['cost'], rule.cost, atOnce)
  for (const [method, cost] of Object.entries(membersOf(membersOf(rule.cost).byMethod))) {
    const path = ['cost', 'byMethod', method]
    if (/[a-z]/.test(method)) yield { path, message: 'must be a method in upper case, such as GET' }
    yield* costProblems(path, cost, atOnce)
  }
}

function* costProblems(path: readonly string[], cost: unknown, atOnce: unknown): Generator<Finding> {
  if (typeof cost === 'number' && typeof atOnce === 'number' && cost > atOnce) {
    yield { path, message: `must not be above ${atOnce}, or no such request could ever pass` }
  }
}

/** Warns of what is to happen while a store is away that is never asked. */
export function* storeDownWarnings(onDown: unknown, isLocal: boolean): Generator<Finding> {
  if (!isLocal || onDown === undefined) return
  yield {
    path: ['onStoreDown'],
    message: 'never acts, because the rule counts without a store: add "store": "shared"',
  }
}

/** Warns of counts that several processes keep, each for itself. */
export function* localWarnings({ workers = 1 }: RuleContext, isLocal: boolean): Generator<Finding> {
  if (!isLocal || workers < 2) return
  const message = `counts in each of the ${workers} workers by itself, so that a client with many connections gets up to ${workers} times the limit; use "store": "shared" to count together`
  yield { path: [], message }
}

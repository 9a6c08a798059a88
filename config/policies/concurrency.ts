import { under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { findKeyProblems, KEY_WITH_VARIANT } from './key-rule.ts'
import { localWarnings } from './limit-fields.ts'
import { ENFORCE, policyRule } from './policy-rule.ts'

/** `concurrency`: how many requests may be under way at once. */
export const concurrency = policyRule({
  schema: closed(
    {
      limit: Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Requests under way at once, in each process.',
      }),
      key: Type.Optional({
        ...KEY_WITH_VARIANT,
        description:
          'Which requests are counted together: those of the `route` (the default), of an `address`, a `service`, a `subject`, a `variant`, a place such as `{"header": "x-api-key"}`, or of a list of these ([keys](policies/keys.md)).',
      }),
      webSockets: Type.Optional(
        Type.Boolean({
          description: 'Whether a WebSocket counts as long as it is open. Absent: false; it does not count.',
        }),
      ),
      enforce: ENFORCE,
    },
    {
      title: 'concurrency',
      description:
        'How many requests may be under way at once: `{"limit": 10, "key": "subject"}`. Others get 429 at once. The rules of `routes.defaults` and of a document both apply, each with counts of its own for every route.',
    },
  ),
  adds: true,
  needsNode: true,
  *problems(rule, context) {
    yield* under(['key'], findKeyProblems(membersOf(rule).key, context))
  },
  *warnings(_rule, context) {
    yield* localWarnings(context, true)
  },
})

import { under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { forgeableKeyWarnings, KEY } from './key-rule.ts'
import {
  findLimitProblems,
  LIMIT_FIELDS,
  localWarnings,
  onStoreDown,
  storeDownWarnings,
} from './limit-fields.ts'
import { policyRule } from './policy-rule.ts'
import { hasAddressRule } from './rate-limit.ts'

/** `quota`: how many requests clients may send in an hour, a day or a month. */
export const quota = policyRule({
  schema: closed(
    {
      limit: LIMIT_FIELDS.limit,
      per: Type.Enum(['hour', 'day', 'month'], { description: 'The window, which begins with it in UTC.' }),
      key: {
        ...KEY,
        description:
          'By what clients are told apart: `subject`, `address`, `route`, `service`, a place such as `{"claim": "tenant"}`, or a list of these ([keys](policies/keys.md)).',
      },
      cost: LIMIT_FIELDS.cost,
      store: {
        ...LIMIT_FIELDS.store,
        description:
          '`shared`, the default: all gateways count together, in the store of `rateLimits.store`. `local`: each process counts by itself, and begins anew when it is restarted.',
      },
      scope: LIMIT_FIELDS.scope,
      onMissing: LIMIT_FIELDS.onMissing,
      onStoreDown: onStoreDown('allow'),
      enforce: LIMIT_FIELDS.enforce,
    },
    {
      title: 'quota',
      description:
        'How many requests clients may send in each hour, day or month: `{"limit": 1000000, "per": "month", "key": "subject"}`. Others get 429. The quotas of `routes.defaults` and of a document both apply.',
    },
  ),
  adds: true,
  *problems(rule, context) {
    const members = membersOf(rule)
    yield* findLimitProblems(members, members.limit, 'shared', context)
  },
  *warnings(rule, context) {
    const { key, store, onStoreDown } = membersOf(rule)
    yield* localWarnings(context, store === 'local')
    yield* storeDownWarnings(onStoreDown, store === 'local')
    const { document } = context
    if (document !== undefined && !hasAddressRule(document.rateLimit))
      yield* under(['key'], forgeableKeyWarnings(key))
  },
})

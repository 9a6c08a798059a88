import { claimPathProblem } from '../kit/claim-path.ts'
import { type Finding, under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf, name } from '../kit/values.ts'
import { ConditionSchema, findConditionProblems, findMatchProblems, MATCH_FIELDS } from './conditions.ts'
import { findKeyProblems, KEY } from './key-rule.ts'
import { findNodeSelectorProblems, nodeSelector } from './node-selector.ts'
import { findPercentProblems, hundredths } from './percent.ts'
import { NO_COOKIE_SECRET, policyRule, type RuleContext } from './policy-rule.ts'

const MAX_VARIANTS = 16

const VARIANT = closed(
  {
    name: Type.String({
      pattern: '^[a-z0-9-]{1,32}$',
      title: '1 to 32 characters from a-z 0-9 -',
      description: 'The name of the variant in the log and in metrics. The rest of the requests is `stable`.',
    }),
    service: Type.Optional(name('The service that gets its requests. Absent: that of the document.')),
    nodes: Type.Optional(
      nodeSelector(
        'Which nodes of the service get its requests. Those of the service of the document get no others of this route. Absent: all nodes, or for the service of the document those that `stable` has.',
      ),
    ),
    percent: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        description:
          'The share of the requests that no `match` has decided, or of their keys, in steps of 0.01. Absent: 0.',
      }),
    ),
    match: Type.Optional(
      closed(
        {
          ...MATCH_FIELDS,
          claims: Type.Optional(
            Type.Record(Type.String(), ConditionSchema, {
              minProperties: 1,
              maxProperties: 16,
              description:
                'Conditions for claims of the identity. Dots lead into nested objects; of a list, one entry suffices.',
            }),
          ),
        },
        {
          minProperties: 1,
          title: 'conditions',
          description:
            'Requests that all get this variant: those for which every condition holds. The first variant whose conditions hold counts.',
        },
      ),
    ),
    drain: Type.Optional(
      Type.Boolean({
        description:
          'With `sticky: "cookie"` and a percent of 0: whether clients that had the variant stay with it. Absent: false; they go back to `stable` at once.',
      }),
    ),
  },
  { title: 'variant' },
)

/** `split`: which share of the requests goes to other nodes, or to another service. */
export const split = policyRule({
  schema: closed(
    {
      variants: Type.Array(VARIANT, {
        minItems: 1,
        maxItems: MAX_VARIANTS,
        description: 'Where a part of the requests goes. The rest, `stable`, goes where the document says.',
      }),
      sticky: Type.Optional(
        Type.Union([Type.Literal('none'), Type.Literal('cookie'), ...KEY.anyOf], {
          description:
            'What keeps a client with its variant: `"cookie"`, or a [key](policies/split.md#keys) such as `"subject"` or `{"header": "x-tenant"}`. Absent: `"none"`; each request is dealt by itself.',
        }),
      ),
      salt: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 64,
          description:
            'What the share of a key depends on besides the key. Routes with the same text give the same keys the same share. Absent: the id of the route.',
        }),
      ),
      onUnavailable: Type.Optional(
        Type.Enum(['stable', 'error'], {
          description:
            'Who answers when no node of a variant can: `"stable"`, or nobody. Absent: `"stable"`.',
        }),
      ),
      header: Type.Optional(
        Type.Boolean({
          description: 'Whether answers name the variant in the header `x-waygate-variant`. Absent: false.',
        }),
      ),
    },
    {
      title: 'split',
      description:
        'Sends a part of the requests to other nodes or to another service ([split](policies/split.md)): `{"variants": [{"name": "canary", "nodes": {"version": "2.1.0"}, "percent": 5}]}`.',
    },
  ),
  needsNode: true,
  isOfDocuments: true,
  *problems(rule, context) {
    const { variants, sticky } = membersOf(rule)
    if (Array.isArray(variants)) yield* under(['variants'], variantsProblems(variants, sticky, context))
    yield* under(['sticky'], stickyProblems(sticky, context))
  },
  *warnings(rule, { document = {} }) {
    const { variants, header } = membersOf(rule)
    if (!Array.isArray(variants) || header === true || usesVariant(document)) return
    for (const [index, variant] of variants.entries()) {
      const { service = document.service, nodes } = membersOf(variant)
      if (nodes !== undefined || service !== document.service) continue
      const message = 'goes where `stable` goes: say its `nodes` or its `service`'
      yield { path: ['variants', index], message }
    }
  },
})

/** Whether what a document says depends on the variant, so that one makes a difference on the same nodes. */
function usesVariant(document: Readonly<Record<string, unknown>>): boolean {
  const text = JSON.stringify(document)
  return text.includes('{variant') || text.includes('"variant"')
}

function* variantsProblems(
  variants: readonly unknown[],
  sticky: unknown,
  context: RuleContext,
): Generator<Finding> {
  const names = new Set<unknown>()
  let sum = 0
  for (const [index, variant] of variants.entries()) {
    const { name, nodes, percent = 0, match, drain } = membersOf(variant)
    if (name === 'stable') yield { path: [index, 'name'], message: 'must not be "stable": that is the rest' }
    if (name !== undefined && names.has(name)) yield { path: [index, 'name'], message: 'is there twice' }
    names.add(name)
    yield* under([index, 'nodes'], findNodeSelectorProblems(nodes))
    yield* under([index, 'match'], variantMatchProblems(match, context))
    yield* under([index, 'percent'], findPercentProblems(percent))
    if (typeof percent === 'number') sum += hundredths(percent)
    if (drain === true && sticky !== 'cookie')
      yield { path: [index, 'drain'], message: 'needs sticky: "cookie", which tells who had the variant' }
  }
  if (sum > 100 * 100) yield { path: [], message: `have ${sum / 100} percent together, more than 100` }
}

function* variantMatchProblems(match: unknown, context: RuleContext): Generator<Finding> {
  yield* findMatchProblems(match, context)
  const { claims } = membersOf(match)
  for (const [path, condition] of Object.entries(membersOf(claims))) {
    yield* under(['claims', path], findConditionProblems(condition))
    yield* claimPathProblem(path, ['claims', path])
  }
  if (claims !== undefined && context.document?.auth === 'none')
    yield { path: ['claims'], message: 'needs an identity, but the route has auth: none' }
}

function* stickyProblems(sticky: unknown, context: RuleContext): Generator<Finding> {
  if (sticky === undefined || sticky === 'none') return
  if (sticky === 'cookie') {
    if (context.hasCookieSecret === false) yield { path: [], message: `"cookie" ${NO_COOKIE_SECRET}` }
    return
  }
  if (sticky === 'route' || sticky === 'service')
    yield { path: [], message: 'is the same for all requests, so all of them would get one variant' }
  yield* findKeyProblems(sticky, context)
}

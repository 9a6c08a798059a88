import { Type } from '../kit/type.ts'
import { NAME_PATTERN } from '../kit/values.ts'
import { isOfDocuments, POLICY_RULES, type PolicyName } from '../policies/policies.ts'
import { RouteDocument } from './route-schema.ts'

/** What says which requests a route takes and what answers them is not for sets, nor what only a document may say. */
const OF_DOCUMENTS = [
  'path',
  'methods',
  'hosts',
  'match',
  'whenUnmatched',
  'priority',
  'enabled',
  'policies',
  'service',
  'nodes',
] as const satisfies readonly (keyof RouteDocument)[]

type OfDocuments = (typeof OF_DOCUMENTS)[number]

const shared = Object.fromEntries(
  Object.entries(RouteDocument.properties).filter(
    ([field]) =>
      !(OF_DOCUMENTS as readonly string[]).includes(field) &&
      !(field in POLICY_RULES && isOfDocuments(field as PolicyName)),
  ),
) as Omit<typeof RouteDocument.properties, OfDocuments>

/** The schema of a policy set: fields that several routes share. */
export const PolicySet = Type.Object(shared, {
  additionalProperties: false,
  title: 'policy set',
  description: 'Fields of route documents, under a name that routes list in `policies`.',
})

/** Policy sets by name. */
export const PolicySets = Type.Record(Type.String(), PolicySet, {
  propertyNames: { type: 'string', pattern: NAME_PATTERN },
  default: {},
  description:
    '[Policy sets](policies/README.md#policy-sets) by name, in addition to those in etcd. A set in etcd with the same name takes precedence.',
})

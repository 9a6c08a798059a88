import { Type } from '../kit/type.ts'
import { closed, NAME_PATTERN } from '../kit/values.ts'
import { isOfDocuments, POLICY_RULES, type PolicyName } from '../policies/policies.ts'
import { DOCUMENT_FIELDS, type OfDocuments } from './document-fields.ts'
import { RouteDocument } from './route-schema.ts'

/** What says which requests a route takes and what answers them is not for sets, nor what only a document may say. */
function isShared(field: string): boolean {
  if (field in POLICY_RULES) return !isOfDocuments(field as PolicyName)
  return DOCUMENT_FIELDS[field as keyof typeof DOCUMENT_FIELDS].isShared
}

const shared = Object.fromEntries(
  Object.entries(RouteDocument.properties).filter(([field]) => isShared(field)),
) as Omit<typeof RouteDocument.properties, OfDocuments>

/** The schema of a policy set: fields that several routes share. */
export const PolicySet = closed(shared, {
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

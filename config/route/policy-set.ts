import { Type } from '../kit/type.ts'
import { NAME_PATTERN } from '../kit/values.ts'
import { RouteDocument } from './route-schema.ts'

/** What says which requests a route takes and what answers them is not for sets. */
const { path, methods, hosts, match, whenUnmatched, priority, enabled, policies, ...others } =
  RouteDocument.properties
const { service, nodes, split, redirect, respond, ...shared } = others

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

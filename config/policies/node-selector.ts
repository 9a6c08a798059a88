import type { Static } from 'typebox'
import {
  createNodeSelection,
  type NodeSelection,
  type NodeSelector,
} from '../../internal/nodes/node-selection.ts'
import type { Finding } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, deepFreeze, membersOf } from '../kit/values.ts'

const VALUE = Type.String({ minLength: 1, maxLength: 256 })

/** Returns the schema of a rule that selects nodes of a service by what they are registered with. */
export function nodeSelector(description: string) {
  return closed(
    {
      version: Type.Optional({ ...VALUE, description: 'The metadata `version` of the nodes.' }),
      meta: Type.Optional(
        Type.Record(Type.String(), VALUE, {
          minProperties: 1,
          maxProperties: 16,
          description: 'Metadata of the nodes, by name. Nodes must have all of these values.',
        }),
      ),
    },
    { minProperties: 1, title: 'node selector', description },
  )
}

type NodeSelectorRule = Static<ReturnType<typeof nodeSelector>>

/** Finds what the schema cannot express. Accepts any value. */
export function* findNodeSelectorProblems(rule: unknown): Generator<Finding> {
  const { version, meta } = membersOf(rule)
  if (version === undefined || membersOf(meta).version === undefined) return
  yield { path: ['meta', 'version'], message: 'must not be there beside version, which means the same' }
}

/** Returns a frozen copy. */
function toNodeSelector({ version, meta }: NodeSelectorRule): NodeSelector {
  return deepFreeze({ ...(version !== undefined && { version }), ...(meta && { meta: { ...meta } }) })
}

/** Returns the selection of a route; undefined when its document selects no nodes. */
export function toNodeSelection(rule: NodeSelectorRule | undefined): NodeSelection | undefined {
  return rule && createNodeSelection(toNodeSelector(rule))
}

/** Says that a node of a variant is not for this variant alone, and what to do about it. */
export const ALSO_FOR_OTHERS =
  'it also gets requests of other routes of the service; register it with the metadata traffic: "selected"'

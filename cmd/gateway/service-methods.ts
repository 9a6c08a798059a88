import type { JsonOptions } from '../../internal/grpc/json-options.ts'
import type { RuleEntry } from '../../internal/grpc/rule-table.ts'
import type { MethodsView } from '../../routes/admin/build-pages.ts'
import type { BindingPage, DescriptorsPage, MethodPage } from '../../routes/admin/page-types.ts'
import type { TableProblem } from '../../routes/admin/views.ts'
import type { GrpcMethod } from '../../wrappers/descriptors/schema.ts'
import type { KnownSchema, LiveDescriptors } from './live-descriptors.ts'
import type { LiveRules } from './service-rules.ts'

/** Descriptors may have tens of thousands. */
const MAX_METHODS = 1_000

export interface ServiceMethodsOptions {
  readonly descriptors: LiveDescriptors
  readonly rules: LiveRules
  /** The problems of the table. */
  readonly problems: () => readonly TableProblem[]
  /** The prefix of descriptors in the registry; undefined when it has none. */
  readonly prefix: string | undefined
  readonly json: JsonOptions
  readonly maxMessageBytes: number
}

/** Creates what the admin listener shows of the methods of gRPC services. */
export function createServiceMethods({
  descriptors,
  rules,
  problems,
  prefix,
  json,
  maxMessageBytes,
}: ServiceMethodsOptions): MethodsView {
  type ProblemsByKey = ReadonlyMap<string, readonly TableProblem[]>
  const problemsByKey = (): ProblemsByKey => Map.groupBy(problems(), ({ key }) => key)

  /** Returns why descriptors of a service cannot be used. */
  function reasonsOf(service: string, byKey: ProblemsByKey): string[] {
    const { name, keys } = descriptors.namesOf(service)
    const all = prefix === undefined ? keys : [prefix + name, ...keys]
    return all.flatMap(key => byKey.get(key) ?? []).map(({ reason }) => reason)
  }

  return {
    summaries() {
      const byKey = problemsByKey()
      return service => {
        if (!descriptors.hasNodes(service)) return undefined
        return describe(descriptors.of(service), reasonsOf(service, byKey))
      }
    },
    methods(service) {
      if (!descriptors.hasNodes(service)) return undefined
      const known = descriptors.of(service)
      const reasons = reasonsOf(service, problemsByKey())
      if (known === undefined) return { service, descriptors: describe(known, reasons), methods: [] }
      const { schema } = known
      const { TranscodePlan, createBindings } = descriptors.json!
      const { grpcRules = [] } = rules.of(service)
      // Finds also what has no effect, such as a template with a field that the message does not have.
      const { problems: unused } = new TranscodePlan(schema, {
        choice: 'all',
        rules: grpcRules,
        json,
        maxMessageBytes,
      })
      const stated = createBindings(schema, { choice: 'annotated', rules: grpcRules }).entries
      const byName = createBindings(schema, { choice: 'default', rules: [] }).entries
      const selected = new Set(grpcRules.map(({ selector }) => selector?.replace('/', '.')))
      const bindings = Map.groupBy(
        [
          ...stated.map(entry =>
            describeBinding(entry, selected.has(dotted(entry.value)) ? 'rule' : 'annotation'),
          ),
          ...byName.map(entry => describeBinding(entry, 'name')),
        ],
        ([method]) => method,
      )
      return {
        service,
        // The table lists some of them as well.
        descriptors: describe(known, [...new Set([...reasons, ...unused])]),
        methods: schema.methods.slice(0, MAX_METHODS).map(method => ({
          name: method.name,
          kind: kindOf(method),
          bindings: bindings.get(method)?.map(([, binding]) => binding) ?? [],
        })),
      }
    },
  }
}

function describe(known: KnownSchema | undefined, problems: readonly string[]): DescriptorsPage {
  if (known === undefined) return { source: null, methods: 0, problems }
  const { source, from, schema } = known
  return { source, ...(from !== undefined && { from }), methods: schema.methods.length, problems }
}

function describeBinding(
  { binding: { httpMethod, template, body, responseBody }, value }: RuleEntry<GrpcMethod>,
  from: BindingPage['from'],
): readonly [GrpcMethod, BindingPage] {
  const page = {
    method: httpMethod,
    path: template.text,
    ...(body !== undefined && { body }),
    ...(responseBody !== undefined && { answer: responseBody }),
    from,
  }
  return [value, page]
}

function kindOf({ streamsRequest, streamsAnswer }: GrpcMethod): MethodPage['kind'] {
  if (streamsRequest) return streamsAnswer ? 'bidi-stream' : 'client-stream'
  return streamsAnswer ? 'server-stream' : 'unary'
}

/** Returns `package.Service.Method`, as rules select it. */
function dotted({ name }: GrpcMethod): string {
  return name.replace('/', '.')
}

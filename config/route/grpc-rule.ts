import { getOrMake } from '../../internal/get-or-make.ts'
import { GRPC_STATUS, GRPC_STATUS_NAMES, type GrpcStatusName } from '../../internal/grpc/status.ts'
import type { GrpcRule } from '../../internal/routing/route.ts'
import type { Config } from '../schema.ts'
import type { RouteDocument } from './route-schema.ts'

/** What the configuration says where a document says nothing. */
export type GrpcDefaults = Pick<Config['grpc'], 'maxTimeoutMs' | 'retryOn' | 'json'>

/** Converts the rules for gRPC calls, with the defaults for the fields that the document leaves out. */
export function toGrpcRule(written: RouteDocument['grpc'], defaults: GrpcDefaults): GrpcRule {
  if (written !== undefined) return completed(written, defaults)
  return getOrMake(withoutDocument, defaults, () => completed({}, defaults))
}

/** Nearly all routes have no rules of their own, and share one object. */
const withoutDocument = new WeakMap<object, GrpcRule>()

function completed(written: NonNullable<RouteDocument['grpc']>, defaults: GrpcDefaults): GrpcRule {
  const { timeoutMs, maxTimeoutMs, retryOn, failures, idempotent = [], allow, web = true } = written
  const { descriptors, bindings, rules, json } = written
  return Object.freeze({
    timeoutMs,
    maxTimeoutMs: maxTimeoutMs ?? defaults.maxTimeoutMs ?? undefined,
    retryOn: numbersOf(retryOn ?? defaults.retryOn),
    retriesAll: retryOn !== undefined,
    failures: failures && numbersOf(failures),
    idempotent: Object.freeze([...idempotent]),
    allow: allow && Object.freeze([...allow]),
    web,
    isForJson: [descriptors, bindings, rules, json].some(field => field !== undefined),
    descriptors,
    bindings,
    rules: rules && Object.freeze([...rules]),
    json: json === undefined ? defaults.json : Object.freeze({ ...defaults.json, ...json }),
  })
}

/** Returns the numbers of gRPC statuses by their names. */
export function numbersOf(names: readonly string[]): readonly number[] {
  return Object.freeze(names.map(name => GRPC_STATUS[name as GrpcStatusName]))
}

function namesOf(numbers: readonly number[]): string[] {
  return numbers.map(number => GRPC_STATUS_NAMES[number]!)
}

/**
 * Describes the rules in force as a document would.
 *
 * @param failures those that a route sets for the service; undefined when none does
 */
export function describeGrpc(
  rule: GrpcRule | undefined,
  { grpc }: Pick<Config, 'grpc'>,
  failures: readonly number[] | undefined,
): object {
  return {
    timeoutMs: rule?.timeoutMs ?? null,
    maxTimeoutMs: rule?.maxTimeoutMs ?? null,
    retryOn: rule ? namesOf(rule.retryOn) : grpc.retryOn,
    failures: failures ? namesOf(failures) : grpc.failures,
    idempotent: [...(rule?.idempotent ?? [])],
    allow: rule?.allow ? [...rule.allow] : ['*'],
    web: rule?.web ?? true,
    descriptors: rule?.descriptors ?? null,
    bindings: rule?.bindings ?? null,
    rules: [...(rule?.rules ?? [])],
    json: rule?.json ?? grpc.json,
  }
}

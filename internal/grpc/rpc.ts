import { GatewayError } from '../http/errors.ts'

/** What the descriptor of a gRPC method says about calls of it. */
export interface MethodTraits {
  /** Whether the client may send several messages. */
  readonly streamsRequest: boolean
  /** Whether the node may send several messages. */
  readonly streamsAnswer: boolean
  /** Whether a call may be repeated although a node may have acted on it. */
  readonly isIdempotent: boolean
}

/**
 * Finds a method of a service in the table.
 *
 * @param service the name in the registry, such as `task`
 * @param method `package.Service/Method`
 * @returns undefined when no descriptor of the service names it
 */
export type FindMethod = (service: string, method: string) => MethodTraits | undefined

// The names of Protocol Buffers, and `-` for services that have other descriptions. Every server reads such a path alike.
const METHOD_PATH = /^\/[A-Za-z_][\w.-]*\/[A-Za-z_][\w-]*$/

/** Whether a path, without a query, is `/package.Service/Method`. */
export function isMethodPath(path: string): boolean {
  return METHOD_PATH.test(path)
}

/**
 * Returns the method that a gRPC request calls, `package.Service/Method`.
 *
 * @param target as the node sees it
 * @throws GatewayError WG_NO_METHOD when it is not the path of a method
 */
export function methodOf(target: string): string {
  if (!isMethodPath(target)) throw new GatewayError('WG_NO_METHOD', { detail: NOT_A_METHOD })
  return target.slice(1)
}

const NOT_A_METHOD = 'The path is not that of a gRPC method, /package.Service/Method.'

/** Services about the node itself. They are called through the gateway only where a route document leads to them. */
const OF_THE_NODE = /^grpc\.(?:reflection|health|channelz)\./

/** @param name of a gRPC service or method, with its package */
export function isAboutTheNode(name: string): boolean {
  return OF_THE_NODE.test(name)
}

/**
 * Whether a method is on a list.
 *
 * @param allowed `package.Service/Method`, or the beginning of such a name and a `*`; undefined = all methods
 */
export function isListed(method: string, allowed: readonly string[] | undefined): boolean {
  return allowed?.some(entry => matches(method, entry)) ?? true
}

function matches(method: string, entry: string): boolean {
  return entry.endsWith('*') ? method.startsWith(entry.slice(0, -1)) : method === entry
}

import type { ServiceDefinition } from '@grpc/grpc-js'
import { EtcdError } from './errors.ts'
import { unary } from './grpc.ts'

/**
 * Creates etcd's Auth service. It refuses all calls, because a server that only listens on loopback needs no
 * users.
 */
export function createAuthService(definition: ServiceDefinition) {
  const refuse = unary(() => {
    throw new EtcdError('UNIMPLEMENTED', 'the embedded etcd has no authentication; use a real etcd for that')
  })
  return Object.fromEntries(Object.keys(definition).map(method => [method, refuse]))
}

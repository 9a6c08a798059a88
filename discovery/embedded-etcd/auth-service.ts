import type { ServiceDefinition } from '@grpc/grpc-js'
import { EtcdError } from './errors.ts'
import { unary } from './grpc.ts'

/** etcd's Auth service, refused as a whole: what listens on loopback alone has no users. */
export function createAuthService(definition: ServiceDefinition) {
  const refuse = unary(() => {
    throw new EtcdError('UNIMPLEMENTED', 'the embedded etcd has no authentication; a real etcd has')
  })
  return Object.fromEntries(Object.keys(definition).map(method => [method, refuse]))
}

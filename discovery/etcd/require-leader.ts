import { InterceptingCall, type Interceptor } from '@grpc/grpc-js'

const WATCH = '/etcdserverpb.Watch/Watch'

/**
 * Ends a watch on a member that has no leader (`WithRequireLeader` of etcd's clientv3): one that is cut off
 * from its cluster goes on as if nothing ever changed.
 */
export const requireLeader: Interceptor = (options, nextCall) => {
  const call = nextCall(options)
  if (options.method_definition.path !== WATCH) return new InterceptingCall(call)
  return new InterceptingCall(call, {
    start(metadata, listener, next) {
      metadata.set('hasleader', 'true')
      next(metadata, listener)
    },
  })
}

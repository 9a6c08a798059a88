import { noop } from 'cockatiel'
import { Etcd3, type IOptions } from 'etcd3'

/**
 * Opens a client for what a test does in etcd itself. It asks again at once after a failure, as tests do that wait for an
 * etcd to start: etcd3's own circuit breaker would refuse all calls for 5 s. The caller closes it.
 */
export function openEtcdClient(url: string, options: Pick<IOptions, 'auth'> = {}): Etcd3 {
  return new Etcd3({
    ...options,
    hosts: url,
    grpcOptions: { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 100 },
    faultHandling: { host: () => noop },
  })
}

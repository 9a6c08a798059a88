import { grpcEndpointCodec } from '../../discovery/codecs/grpc-endpoint.ts'
import type { MemoryRegistry } from '../../discovery/memory-registry.ts'
import type { RegistryWriter } from './registry.ts'

/** Returns the value that etcd's `client/v3/naming` writes for a gRPC server on loopback. */
export function namingValue(port: number, metadata: unknown = null): string {
  return JSON.stringify({ Op: 0, Addr: `127.0.0.1:${port}`, Metadata: metadata })
}

/** Registers a gRPC server as etcd's `client/v3/naming` does: by one value, at `/services/<service>/<address>`. */
export async function registerNaming(
  registry: RegistryWriter | MemoryRegistry,
  service: string,
  port: number,
  metadata: unknown = null,
): Promise<void> {
  const path = `${service}/127.0.0.1:${port}`
  const value = namingValue(port, metadata)
  if ('putEntry' in registry) {
    const nodes = grpcEndpointCodec.decode(path, value)
    registry.putEntry('nodes', { kind: 'nodes', key: `/services/${path}`, nodes })
  } else {
    await registry.put(`/services/${path}`, value)
  }
}

import { readdir, readFile } from 'node:fs/promises'

export interface ExampleRoute {
  /** The file's name without its extension, which is the last part of the route's key in etcd. */
  readonly id: string
  /** The route document, as JSON text. */
  readonly document: string
}

/**
 * Reads the route documents of the examples, which define the paths that need no token.
 *
 * @param kind `grpc` for the services in `examples/grpc`
 */
export async function readExampleRoutes(kind: 'http' | 'grpc' = 'http'): Promise<ExampleRoute[]> {
  const folder = new URL(kind === 'grpc' ? '../grpc/routes/' : '../routes/', import.meta.url)
  const files = (await readdir(folder)).filter(name => name.endsWith('.json')).sort()
  return Promise.all(
    files.map(async name => ({
      id: name.slice(0, -'.json'.length),
      document: (await readFile(new URL(name, folder), 'utf8')).trim(),
    })),
  )
}

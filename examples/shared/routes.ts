import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface ExampleRoute {
  /** The file's name without its extension, which is the last part of the route's key in etcd. */
  readonly id: string
  /** The route document, as JSON text. */
  readonly document: string
}

/**
 * Reads the route documents of the examples, which define the paths that need no token.
 *
 * @param examples the folder of the examples
 * @param kind `grpc` for the services in `examples/grpc`
 */
export async function readExampleRoutes(
  examples: string,
  kind: 'http' | 'grpc' = 'http',
): Promise<ExampleRoute[]> {
  const folder = join(examples, kind === 'grpc' ? 'grpc/routes' : 'routes')
  const files = (await readdir(folder)).filter(name => name.endsWith('.json')).sort()
  return Promise.all(
    files.map(async name => ({
      id: name.slice(0, -'.json'.length),
      document: (await readFile(join(folder, name), 'utf8')).trim(),
    })),
  )
}

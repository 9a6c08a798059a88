import { readdir, readFile } from 'node:fs/promises'

export interface ExampleRoute {
  /** The file's name without its extension, which is the last part of the route's key in etcd. */
  readonly id: string
  /** The route document, as JSON text. */
  readonly document: string
}

/** Reads the route documents of `examples/routes`, which define the paths that need no token. */
export async function readExampleRoutes(): Promise<ExampleRoute[]> {
  const folder = new URL('../routes/', import.meta.url)
  const files = (await readdir(folder)).filter(name => name.endsWith('.json')).sort()
  return Promise.all(
    files.map(async name => ({
      id: name.slice(0, -'.json'.length),
      document: (await readFile(new URL(name, folder), 'utf8')).trim(),
    })),
  )
}

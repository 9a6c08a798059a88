import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Whether Waygate runs from its sources, from which the page is made file by file when it is asked for. */
const IS_SOURCE = import.meta.filename.endsWith('.ts')

/** The folder of the page: `ui` of the checkout, or what the build made of it. */
const FOLDER = join(import.meta.dirname, IS_SOURCE ? '../../../ui' : '../ui')

/** The files that are served, by extension. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** What the page may load and do: only what comes from the admin listener itself, and no text as a script. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // The file is asked for anew each time, so page and API are always of one version.
  'cache-control': 'no-cache',
}

/** A path below the folder: no part of it begins with a dot. */
const NAME = /^[a-z0-9_-][a-z0-9._-]*(?:\/[a-z0-9_-][a-z0-9._-]*)*$/i

/**
 * Adds the page of the dashboard to the admin listener: `/`, and its files below `/ui/`.
 *
 * @param onMissing answers a request for a file that does not exist
 * @param folder that of the page
 */
export function serveUi(
  app: FastifyInstance,
  onMissing: (reply: FastifyReply) => FastifyReply,
  folder = FOLDER,
): void {
  app.get('/', (request, reply) => serve(request, reply, 'index.html'))
  app.get<{ Params: { '*': string } }>('/ui/*', (request, reply) =>
    serve(request, reply, request.params['*']),
  )

  async function serve(request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply> {
    const type = TYPES[extname(name)]
    const content = type === undefined || !NAME.test(name) ? undefined : await read(folder, name)
    if (content === undefined) return onMissing(reply)
    const etag = `"${hash('sha256', content, 'base64url').slice(0, 22)}"`
    reply.headers({ ...HEADERS, etag })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type(type!).send(content)
  }
}

/** Returns whether a target names the page or one of its files, which need no token: they reveal nothing. */
export function isOfUi(url: string): boolean {
  const [path = ''] = url.split('?', 1)
  return path === '/' || path.startsWith('/ui/')
}

/** What the system says of a file that does not exist, or whose name is longer than that of any file. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'])

/** Returns a file of the page; undefined when there is none. */
async function read(folder: string, name: string): Promise<Buffer | string | undefined> {
  try {
    if (!IS_SOURCE || !name.endsWith('.js')) return await readFile(join(folder, name))
    const { readScript } = await import('./ui-sources.ts')
    return await readScript(folder, name)
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code!)) return undefined
    throw error
  }
}

import { posix } from 'node:path'
import { importsOf, packageOf } from './imports.ts'

/** Which top-level folders each one may import, besides itself. Folders that are not listed may import anything. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  internal: [],
  config: ['internal'],
  discovery: ['internal'],
  middleware: ['internal'],
  wrappers: ['internal'],
  routes: ['middleware', 'internal'],
  stores: ['internal'],
  cmd: ['config', 'discovery', 'internal', 'middleware', 'routes', 'stores', 'wrappers', 'examples'],
  fastify: ['internal', 'wrappers'],
  'fastify.ts': ['discovery', 'fastify', 'internal', 'wrappers'],
  'index.ts': ['config', 'discovery', 'internal', 'middleware', 'routes', 'wrappers'],
}

/**
 * Within a top-level folder: which of its folders each folder may import, besides itself and those inside it. The
 * top-level folder's own files stand for themselves, under its name.
 */
export const SUB_ARROWS: Readonly<Record<string, readonly string[]>> = {
  cmd: ['cmd/cli', 'cmd/commands', 'cmd/workers'],
  'cmd/cli': [],
  'cmd/commands': ['cmd/cli', 'cmd/gateway', 'cmd/workers'],
  'cmd/gateway': [],
  'cmd/workers': ['cmd/cli', 'cmd/gateway'],
  // The schema is put together from all others, which know of it only the type.
  config: ['config/kit', 'config/policies', 'config/route', 'config/sections'],
  'config/keys': ['config', 'config/kit'],
  'config/kit': [],
  'config/load': ['config', 'config/keys', 'config/kit', 'config/policies', 'config/route'],
  'config/policies': ['config/kit'],
  'config/route': ['config', 'config/kit', 'config/policies'],
  'config/sections': ['config/kit', 'config/policies', 'config/route'],
  discovery: ['discovery/codecs', 'discovery/etcd', 'discovery/embedded-etcd'],
  'discovery/codecs': ['discovery'],
  'discovery/embedded-etcd': ['discovery'],
  'discovery/etcd': ['discovery', 'discovery/codecs'],
  fastify: [],
  internal: [
    'internal/grpc',
    'internal/http',
    'internal/limits',
    'internal/nodes',
    'internal/routing',
    'internal/text',
    'internal/trace',
  ],
  'internal/balancers': ['internal/nodes'],
  'internal/grpc': ['internal', 'internal/http', 'internal/http2'],
  'internal/http': [],
  'internal/limits': ['internal/http'],
  'internal/http2': ['internal/http'],
  // A service has a balancer, and a balancer picks among peers.
  'internal/nodes': ['internal/balancers', 'internal/telemetry'],
  // A route document has conditions, and policies are for routes.
  'internal/routing': ['internal', 'internal/grpc', 'internal/http', 'internal/nodes'],
  // The page of the admin listener uses some of its files as they are, so it stands alone.
  'internal/telemetry': [],
  'internal/text': [],
  // A span is of a try on a peer.
  'internal/trace': ['internal', 'internal/http', 'internal/nodes'],
  'internal/tls': ['internal/http'],
  middleware: [],
  'middleware/auth': [],
  'middleware/connection': ['middleware/request'],
  'middleware/policies': ['middleware/request'],
  'middleware/request': [],
  routes: [],
  'routes/admin': ['routes', 'routes/admin/metrics'],
  // Metrics are read from the views that pages are made of.
  'routes/admin/metrics': ['routes/admin'],
  'routes/public': [],
  'routes/public/http1': ['routes', 'routes/public', 'routes/public/http2'],
  'routes/public/http2': ['routes/public'],
  'stores/redis': [],
  wrappers: [],
  'wrappers/balance': ['wrappers/breaker'],
  'wrappers/breaker': [],
  'wrappers/descriptors': ['wrappers/grpc', 'wrappers/protobuf'],
  'wrappers/fallback': [],
  'wrappers/grpc': ['wrappers'],
  'wrappers/health': ['wrappers/transport'],
  'wrappers/http1': ['wrappers/transport'],
  'wrappers/http2': ['wrappers/transport'],
  'wrappers/limit': ['wrappers', 'wrappers/breaker', 'wrappers/retry'],
  'wrappers/mirror': ['wrappers'],
  'wrappers/names': [],
  'wrappers/node': ['wrappers/breaker', 'wrappers/http1', 'wrappers/http2', 'wrappers/transport'],
  'wrappers/retry': ['wrappers', 'wrappers/breaker'],
  'wrappers/protobuf': [],
  'wrappers/transcode': ['wrappers/descriptors', 'wrappers/grpc', 'wrappers/protobuf'],
  'wrappers/transport': ['wrappers/breaker', 'wrappers/names', 'wrappers/retry'],
}

/**
 * The page of the dashboard runs in browsers. Besides itself it imports types of the admin API, pure modules, and packages
 * that are copied beside it, each in one file. The page is not part of {@link ARROWS}: it imports single files.
 */
const UI_FILES = [
  'internal/telemetry/event-parser.ts',
  'internal/telemetry/filter.ts',
  'internal/telemetry/format.ts',
  'internal/telemetry/table-fields.ts',
]
const UI_TYPES = 'routes/admin'
const UI_PACKAGES: Readonly<Record<string, string>> = {
  htm: 'ui/html.ts',
  preact: 'ui/html.ts',
  uplot: 'ui/chart.ts',
}

// Pure values and calculations. All other modules of Node do I/O or wait.
const PURE_MODULES = [
  'node:assert',
  'node:buffer',
  'node:querystring',
  'node:string_decoder',
  'node:url',
  'node:util',
]

/** Files of `internal` that load a package when it is first needed. */
const LOADERS = ['internal/pattern-program.ts']

/** Where Node's HTTP/1 classes may be named. Everything else on the way of a request serves any protocol. */
const HTTP1_PLACES = ['routes/public/http1', 'middleware/connection', 'wrappers/http1']

/** The folders and files that may import a package, by package name. */
export type PackagePlaces = ReadonlyMap<string, readonly string[]>

const REACHING_OUT = /\b(setTimeout|setInterval|setImmediate|queueMicrotask|fetch|console|process)\s*[.(]/

/** Returns the rules that a file breaks, one line each. `file` is relative to the project. */
export function brokenArrows(file: string, source: string, places: PackagePlaces): string[] {
  const room = file.split('/')[0] ?? file
  const open = ARROWS[room]
  if (open === undefined) return []
  const broken: string[] = []
  for (const { specifier, typeOnly } of importsOf(source)) {
    const name = packageOf(specifier)
    if (name !== undefined) {
      const allowed = places.get(name) ?? []
      if (!allowed.some(place => isIn(file, place))) {
        broken.push(`${file}: ${name} is imported in ${allowed.join(', ') || 'no place'} alone`)
      }
    } else if (specifier.startsWith('node:')) {
      const isLoader = specifier === 'node:module' && LOADERS.includes(file)
      if (room === 'internal' && !typeOnly && !isLoader && !PURE_MODULES.includes(specifier)) {
        broken.push(`${file}: internal must not import ${specifier}: it does no I/O and sets no timers`)
      }
      if (specifier === 'node:http' && typeOnly && !HTTP1_PLACES.some(place => isIn(file, place))) {
        broken.push(`${file}: names classes of node:http, which only ${HTTP1_PLACES.join(', ')} may`)
      }
    } else {
      const target = posix.join(posix.dirname(file), specifier)
      const targetRoom = target.split('/')[0] ?? ''
      if (targetRoom !== room) {
        if (!open.includes(targetRoom))
          broken.push(`${file}: ${room} must not import ${targetRoom} (${specifier})`)
      } else if (!mayEnter(subRoomOf(file), subRoomOf(target))) {
        broken.push(`${file}: ${subRoomOf(file)} must not import ${subRoomOf(target)} (${specifier})`)
      }
    }
  }
  const [, name] = (room === 'internal' && REACHING_OUT.exec(withoutComments(source))) || []
  if (name !== undefined)
    broken.push(`${file}: internal must not use ${name}: it does no I/O and sets no timers`)
  return broken
}

/** Returns the imports of a file of the page that it must not have, one line each. */
export function brokenUiImports(file: string, source: string): string[] {
  return importsOf(source).flatMap(({ specifier, typeOnly }) => {
    const name = packageOf(specifier)
    if (name !== undefined)
      return UI_PACKAGES[name] === file
        ? []
        : [`${file}: ${name} is imported in ${UI_PACKAGES[name] ?? 'no place'} alone`]
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier
    if (isIn(target, 'ui') || UI_FILES.includes(target) || (typeOnly && isIn(target, UI_TYPES))) return []
    return [`${file}: the page must not import ${specifier}`]
  })
}

/** Returns the longest listed folder that a file is in; the top-level folder where none of its folders is listed. */
function subRoomOf(file: string): string {
  const rooms = Object.keys(SUB_ARROWS).filter(room => isIn(file, room) && room !== file)
  return rooms.sort((a, b) => b.length - a.length)[0] ?? posix.dirname(file)
}

function mayEnter(from: string, to: string): boolean {
  return from === to || (SUB_ARROWS[from] ?? []).includes(to)
}

function withoutComments(source: string): string {
  return source.replace(/^\s*(?:\/?\*|\/\/).*$/gm, '')
}

/** Returns whether a file is `place` or in the folder `place`. */
export function isIn(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`)
}

import { Call } from '../../internal/call.ts'
import { isAboutTheNode } from '../../internal/grpc/rpc.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { rootReason, UpstreamFailure } from '../../internal/upstream-failure.ts'
import { standardTypes } from '../protobuf/standard-types.ts'
import { ReflectionStream } from './reflection-stream.ts'
import { DescriptorError, type DescriptorFile, readDescriptorFile } from './repair.ts'

/**
 * Sends a request of the gateway itself to a node, past limits, breakers and retries.
 *
 * @param call is ended when the answer is no longer wanted
 */
export type CallNode = (peer: Peer, request: UpstreamRequest, call: Call) => Promise<UpstreamResponse>

/** The versions of the protocol, which are the same but for the name of their package. */
const VERSIONS = ['v1', 'v1alpha'] as const
type Version = (typeof VERSIONS)[number]

const MAX_MS = 5_000
const MAX_FILES = 512
const MAX_ROUNDS = 16
const MAX_SHOWN = 5
const MAX_SHOWN_LENGTH = 200

/** The version that each node was found to speak. */
const known = new WeakMap<Peer, Version>()

/** What a node says about itself. */
export interface Reflected {
  readonly files: DescriptorFile[]
  /** The services that the node lists and has no descriptor of. */
  readonly missing: readonly string[]
}

/**
 * Asks a node for the descriptors of its services (grpc/doc/server-reflection.md), in at most 5 s, 8 MiB and 512 files.
 *
 * @param signal is aborted when the answer is no longer wanted
 * @throws DescriptorError when the node has no reflection, or what it says is too much or no descriptor
 */
export async function reflect(peer: Peer, callNode: CallNode, signal?: AbortSignal): Promise<Reflected> {
  const call = new Call('', 'POST', '', performance.now())
  const timer = setTimeout(() => call.end(new UpstreamFailure('timeout')), MAX_MS)
  const onAbort = () => call.end(new UpstreamFailure('aborted'))
  signal?.addEventListener('abort', onAbort)
  try {
    const version = known.get(peer)
    for (const each of version ? [version] : VERSIONS) {
      const stream = new ReflectionStream(each, request =>
        call.ended ? Promise.reject(call.ended) : callNode(peer, request, call),
      )
      const services = await stream.listServices()
      // The node does not know this version of the protocol.
      if (services === undefined) continue
      known.set(peer, each)
      return await readFiles(stream, services)
    }
    known.delete(peer)
    throw new DescriptorError('the node has no server reflection')
  } catch (error) {
    if (call.ended?.kind === 'timeout')
      throw new DescriptorError(`the node did not answer within ${MAX_MS / 1000} s`, error)
    if (error instanceof DescriptorError) throw error
    throw new DescriptorError(`the node cannot be asked: ${rootReason(error)}`, error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Reads the files of services, and then those that they import, as long as any is missing. */
async function readFiles(stream: ReflectionStream, services: readonly string[]): Promise<Reflected> {
  const files = new Map<string, DescriptorFile>()
  /** The names of the files that these import, in the order in which they are asked for. */
  const imports: string[] = []
  const isImported = new Set<string>()
  const take = (given: readonly Buffer[]): void => {
    for (const bytes of given) {
      const file = readDescriptorFile(bytes)
      if (files.has(file.name)) continue
      files.set(file.name, file)
      if (files.size > MAX_FILES) throw new DescriptorError(`the node has more than ${MAX_FILES} files`)
      for (const name of file.dependency) {
        if (isImported.has(name)) continue
        isImported.add(name)
        imports.push(name)
      }
    }
  }
  const wanted = services.filter(name => !isAboutTheNode(name))
  // It must not take the place of what is known, as files without a service must not.
  if (wanted.length === 0) throw new DescriptorError('the node has no gRPC service')
  if (wanted.length > MAX_FILES) throw new DescriptorError(`the node has more than ${MAX_FILES} services`)
  take(await stream.filesOf(wanted.map(name => ({ fileContainingSymbol: name }))))
  const found = new Set([...files.values()].flatMap(servicesIn))
  const missing = wanted.filter(name => !found.has(name))
  if (files.size === 0) throw new DescriptorError(missingText(missing))
  let looked = 0
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const names: string[] = []
    // Each name is looked at once, however many there are.
    for (; looked < imports.length && names.length < MAX_FILES; looked++) {
      const name = imports[looked]!
      if (!files.has(name) && !isStandard(name)) names.push(name)
    }
    if (names.length === 0) break
    // A file that the node does not have may be one that nothing uses.
    take(await stream.filesOf(names.map(name => ({ fileByFilename: name }))))
  }
  return { files: [...files.values()], missing }
}

/** Returns what is told of services without a descriptor. Nodes choose their names and number. */
export function missingText(services: readonly string[]): string {
  const shown = services.slice(0, MAX_SHOWN).map(name => JSON.stringify(name.slice(0, MAX_SHOWN_LENGTH)))
  const more = services.length > MAX_SHOWN ? `, and ${services.length - MAX_SHOWN} more` : ''
  return `the node has no descriptor of ${shown.join(', ')}${more}`
}

function servicesIn({ package: scope, service }: DescriptorFile): string[] {
  return service.map(({ name }) => (scope === '' ? name : `${scope}.${name}`))
}

/** The gateway has these itself. */
function isStandard(fileName: string): boolean {
  return standardTypes.getFile(fileName) !== undefined || fileName.startsWith('google/api/')
}

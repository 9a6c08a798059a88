import type { SourcedProblem } from '../kit/problem.ts'
import { membersOf } from '../kit/values.ts'
import type { Layers, Setting } from './layers.ts'

/** Is `1` in the container image, which its Dockerfile sets. */
export const IMAGE_VARIABLE = 'WAYGATE_IMAGE'
/** Is `1` where the gateway of the image may run on the embedded etcd. */
export const EMBEDDED_VARIABLE = 'WAYGATE_EMBEDDED'

/**
 * Returns what is different in the container image: the defaults of a machine that others reach by its network, and that is
 * thrown away with all that it has not been given a volume for.
 *
 * @param layers what is set otherwise, which counts more
 */
export function readImageVariables(
  env: Readonly<Record<string, string | undefined>>,
  layers: Layers,
): { readonly settings: readonly Setting[]; readonly problems: readonly SourcedProblem[] } {
  if (env[IMAGE_VARIABLE] !== '1') return { settings: [], problems: [] }
  const source = `environment ${IMAGE_VARIABLE}`
  const isSet = (path: string) => layers.sourceOf(path) !== 'default'
  // Loopback is the container's own, so nobody would reach it there. Without a token it stays closed.
  const hasToken = isSet('adminToken') || isSet('admin.tokens')
  const settings = hasToken ? [{ path: 'adminHost', value: '0.0.0.0', source }] : []
  const { registry = 'etcd' } = membersOf(membersOf(layers.tree).discovery)
  const isTold =
    env[EMBEDDED_VARIABLE] === '1' ||
    ['endpoints', 'embedded', 'embeddedData', 'embeddedMemory'].some(field => isSet(`etcd.${field}`))
  if (registry !== 'etcd' || isTold) return { settings, problems: [] }
  const message = `must be set in the image, because what the embedded etcd keeps is lost with the container, unless a volume is mounted at its dataDir: set WAYGATE_ETCD, or ${EMBEDDED_VARIABLE}=1`
  return { settings, problems: [{ path: '$.etcd.endpoints', message, source }] }
}

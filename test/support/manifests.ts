import { readFileSync } from 'node:fs'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import { Deployment } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, Namespace, Service } from 'kubernetes-models/v1'
import { parseAllDocuments } from 'yaml'

/** An object of Kubernetes, as its manifest has it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  // biome-ignore lint/suspicious/noExplicitAny: the published schemas say what it is.
  readonly spec?: any
}

const MODELS = {
  ConfigMap,
  Deployment,
  Namespace,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceMonitor,
}

/** Reads the manifests of a file, or of a text with several. */
export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map(document => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS()
  })
}

export function readManifests(file: string): readonly Manifest[] {
  return parseManifests(readFileSync(file, 'utf8'))
}

/** Checks a manifest against the published schema of its kind. @throws Error with the place of what is wrong or unknown */
export function checkManifest(manifest: Manifest): void {
  const Model = MODELS[manifest.kind as keyof typeof MODELS]
  if (Model === undefined) throw new Error(`no schema for ${manifest.kind}`)
  if (Model.apiVersion !== manifest.apiVersion)
    throw new Error(`${manifest.kind} is of ${Model.apiVersion}, not ${manifest.apiVersion}`)
  const unread = new Map<string, true>()
  // Not on a model, which is a copy.
  Model.prototype.validate.call(watchReads(manifest, '$', unread))
  if (unread.size > 0) throw new Error(`unknown to ${manifest.kind}: ${[...unread.keys()].join(', ')}`)
}

/**
 * Wraps a value so that `unread` loses the path of each field that is read. The schemas allow unknown fields, which the API
 * server drops or refuses; their validators read the fields that they know.
 */
function watchReads(value: unknown, path: string, unread: Map<string, true>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const inner = Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const at = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`
      if (!Array.isArray(value)) unread.set(at, true)
      return [key, watchReads(each, at, unread)]
    }),
  )
  return new Proxy(Array.isArray(value) ? Object.values(inner) : inner, {
    get(target, key, receiver) {
      unread.delete(`${path}.${String(key)}`)
      return Reflect.get(target, key, receiver)
    },
    // A map of names, such as labels: its validator asks for all of them.
    ownKeys(target) {
      for (const key of Reflect.ownKeys(target)) unread.delete(`${path}.${String(key)}`)
      return Reflect.ownKeys(target)
    },
  })
}

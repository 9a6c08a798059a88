import type { NodeSelector } from '../nodes/node-selection.ts'
import type { Route } from './route.ts'

/** A place in a route document that names a service, or selects nodes of one. */
export interface NamedService {
  /** `route` is the document itself. */
  readonly kind: 'route' | 'fallback' | 'variant' | 'mirror'
  /** What its fields begin with: '' or such as `mirror.`, so that `mirror.service` and `mirror.nodes` are fields. */
  readonly prefix: string
  /** Undefined = that of the document. */
  readonly service: string | undefined
  /** Undefined = no nodes are selected. */
  readonly selector: NodeSelector | undefined
}

/** Returns every place in the document of a route that names a service, or selects nodes of one. */
export function servicesNamedBy({ fallback, nodes, policies, service }: Route): NamedService[] {
  const named: NamedService[] = []
  if (service !== '') named.push({ kind: 'route', prefix: '', service, selector: nodes?.only })
  if (fallback?.type === 'service') {
    named.push({ kind: 'fallback', prefix: 'fallback.', service: fallback.service, selector: undefined })
  }
  for (const [index, variant] of (policies?.split?.variants ?? []).entries()) {
    const prefix = `split.variants[${index}].`
    named.push({ kind: 'variant', prefix, service: variant.service, selector: variant.nodes })
  }
  const { mirror } = policies ?? {}
  if (mirror) {
    named.push({ kind: 'mirror', prefix: 'mirror.', service: mirror.service, selector: mirror.nodes })
  }
  return named
}

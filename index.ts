export type { Registration, RegisterOptions, Registry, RegistryEvent, Service } from './discovery/registry.ts'
export type { Node, NodeInput } from './internal/node.ts'

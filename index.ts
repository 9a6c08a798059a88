export { type DiscoverOptions, discover } from './discovery/discover.ts'
export type { DiscoveredService, DiscoveryStatus } from './discovery/discovered-service.ts'
export {
  type CampaignOptions,
  campaign,
  type Leadership,
  type ObserveOptions,
  observeLeader,
} from './discovery/election.ts'
export type { EtcdAccess } from './discovery/etcd/connect-options.ts'
export type { EtcdTls, EtcdTlsFiles } from './discovery/etcd/tls-files.ts'
export { type Lock, type LockOptions, lock } from './discovery/lock.ts'
export type { Logger } from './discovery/logger.ts'
export { type RegisterServiceOptions, register } from './discovery/register.ts'
export type {
  RegisterOptions,
  Registration,
  RegistrationChanges,
  Registry,
  RegistryEvent,
  Service,
} from './discovery/registry.ts'
export { addressOf, type Node, type NodeInput } from './internal/nodes/node.ts'

import { isObject } from '../../discovery/codecs/value.ts'
import { readWantedNode, type WantedNode } from '../../discovery/heartbeat.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { Registry } from '../../discovery/registry.ts'
import { checkName } from '../../internal/nodes/node.ts'
import type { HeartbeatPage, NodeHeartbeats } from '../../routes/admin/heartbeat-types.ts'
import type { NodeGuard } from './node-guard.ts'

export interface NodeHeartbeatsOptions {
  readonly registry: Pick<Registry, 'name' | 'heartbeat' | 'farewell'>
  readonly refusalOf: NodeGuard['refusalOf']
  readonly logger: Pick<Logger, 'info'>
}

/** Registers and removes nodes for processes that call the admin API. All is in the registry, so any gateway can be called. */
export function createNodeHeartbeats({ registry, refusalOf, logger }: NodeHeartbeatsOptions): NodeHeartbeats {
  const readOnly: HeartbeatPage = {
    outcome: 'read-only',
    detail: `the registry of this gateway is ${registry.name}, in which no process can register`,
  }

  return {
    async heartbeat({ service, id, body, mustExist, by }) {
      let wanted: WantedNode | undefined
      try {
        checkNames(service, id)
        wanted = isEmpty(body) ? undefined : { ...readWantedNode(service, id, body), mustExist }
      } catch (error) {
        return { outcome: 'invalid', detail: (error as Error).message }
      }
      const refusal = wanted && refusalOf(wanted.node)
      if (refusal !== undefined) return { outcome: 'invalid', detail: refusal }
      if (!registry.heartbeat) return readOnly
      const page = await registry.heartbeat(service, id, wanted)
      if (page.outcome === 'registered') logger.info({ service, id, by }, 'node registered over HTTP')
      return page
    },

    async farewell({ service, id, by }) {
      try {
        checkNames(service, id)
      } catch (error) {
        return { outcome: 'invalid', detail: (error as Error).message }
      }
      if (!registry.farewell) return readOnly
      const page = await registry.farewell(service, id)
      if (page.outcome === 'removed') logger.info({ service, id, by }, 'node removed over HTTP')
      return page
    },
  }
}

/** @throws TypeError with what a name must be */
function checkNames(service: string, id: string): void {
  checkName('service', service)
  checkName('id', id)
}

function isEmpty(body: unknown): boolean {
  return body === undefined || (isObject(body) && Object.keys(body).length === 0)
}

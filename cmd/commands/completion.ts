import type { Items, ServiceNode, ServiceSummary } from '../../routes/admin/api-types.ts'
import type { RouteList } from '../../routes/admin/page-types.ts'
import type { CompletionCommand } from '../cli/command.ts'
import { print } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'
import { bashScript, fishScript, zshScript } from './completion-scripts.ts'

/** How long a gateway may take to list its ids, in milliseconds. The user waits for them after pressing Tab. */
const IDS_MS = 300
/** Ids that every shell takes as they are. Others are not offered, since a shell could read more than text in them. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._@:/+-]*$/

/** Runs `waygate completion`. Resolves with the exit code, which is 0 as well when no gateway knows ids. */
export async function runCompletion(command: CompletionCommand): Promise<0> {
  if (command.ids === undefined) {
    print({ bash: bashScript, zsh: zshScript, fish: fishScript }[command.shell]().trimEnd())
    return 0
  }
  try {
    const ids = await readIds(new AdminClient(command), command.ids, IDS_MS)
    if (ids.length > 0) print(ids.join('\n'))
  } catch {
    // A shell that completes a line has no place for errors.
  }
  return 0
}

type Kind = NonNullable<CompletionCommand['ids']>

/**
 * Reads the ids that a shell can complete.
 *
 * @throws AskError, also when there is no answer within `withinMs`
 */
export async function readIds(client: AdminClient, kind: Kind, withinMs: number): Promise<string[]> {
  return (await readAll(client, kind, withinMs)).filter(id => PLAIN.test(id))
}

async function readAll(client: AdminClient, kind: Kind, withinMs: number): Promise<string[]> {
  switch (kind) {
    case 'routes': {
      const { routes } = await client.read<RouteList>('/api/v1/routes', withinMs)
      return routes.filter(({ origin }) => origin !== 'auto').map(({ id }) => id)
    }
    case 'services': {
      const { items } = await client.read<Items<ServiceSummary>>('/api/v1/services', withinMs)
      return items.map(({ name }) => name)
    }
    case 'nodes': {
      // The first thousand: with more, a line is completed to a service, and its nodes are found with `waygate nodes`.
      const [services, { items }] = await Promise.all([
        readAll(client, 'services', withinMs),
        client.read<Items<ServiceNode>>('/api/v1/nodes', withinMs),
      ])
      return [...services, ...items.map(({ service, id }) => `${service}/${id}`)]
    }
    default:
      return kind satisfies never
  }
}

import { exportKeys, importKeys } from '../../discovery/etcd/dump.ts'
import { loadCommandConfig } from '../cli/caller.ts'
import type { EtcdCommand } from '../cli/command.ts'
import { visible } from '../cli/output.ts'
import { etcdClientOptions } from '../gateway/registry.ts'

/**
 * Runs `waygate etcd`: writes the keys of an etcd to standard output, or puts those of standard input into one. Resolves with the
 * exit code, 1 when keys were not imported because they have another value.
 */
export async function runEtcd(command: EtcdCommand): Promise<0 | 1> {
  const { action, overwrite } = command
  const { config, keys } = loadCommandConfig(command)
  const options = etcdClientOptions(config, keys)
  const where = options.endpoints.join(', ')
  if (action === 'export') {
    const { keys: count, leased, revision } = await exportKeys(options, process.stdout)
    // The process ends with this command, and a pipe may not have taken everything yet.
    await new Promise<void>((resolve, reject) => {
      process.stdout.write('', error => (error ? reject(error) : resolve()))
    })
    console.error(
      `${where}: ${count} keys at revision ${revision}; left out ${leased} with a lease, which their owners put again`,
    )
    return 0
  }
  const { written, unchanged, kept } = await importKeys(options, process.stdin, {
    overwrite,
    onKept: key => console.error(`${visible(key)} has another value, and keeps it without --overwrite`),
  })
  console.error(`${where}: ${written} keys written, ${unchanged} were there already`)
  return kept > 0 ? 1 : 0
}

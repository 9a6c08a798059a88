import type { LeasePage } from '../../routes/admin/api-types.ts'
import type { LeasesCommand } from '../cli/command.ts'
import { type Column, printListing } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'

type LeaseRow = Omit<LeasePage, 'keys'> & { readonly key: string }

/** Runs `waygate leases`: prints each key that a lease holds. Resolves with the exit code. */
export async function runLeases(command: LeasesCommand): Promise<number> {
  const leases = await new AdminClient(command).readItems<LeasePage>('/api/v1/leases')
  const rows = leases.flatMap(({ keys, ...lease }) => keys.map((key): LeaseRow => ({ ...lease, key })))
  const listing = { rows, columns: COLUMNS, nameOf: ({ id }: LeaseRow) => id, page: { items: leases } }
  printListing(command.output, listing, 'no lease')
  return 0
}

const COLUMNS: readonly Column<LeaseRow>[] = [
  { title: 'KEY', cell: ({ key }) => key },
  { title: 'LEFT', cell: ({ leftSeconds }) => `${leftSeconds} s` },
  { title: 'OF', cell: ({ ttlSeconds }) => `${ttlSeconds} s` },
  { title: 'LEASE', cell: ({ id }) => id },
]

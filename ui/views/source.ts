import { counted, durationText } from '../../internal/telemetry/format.ts'
import type { Items, LeasePage } from '../../routes/admin/api-types.ts'
import type { SourceDetails, TableProblem } from '../../routes/admin/views.ts'
import { useResource, type ViewProps } from '../context.ts'
import { html, type Shown, useState } from '../html.ts'
import type { Model } from '../model.ts'
import { facts, heading } from '../parts.ts'
import { table } from '../table.ts'

/** Where the table comes from, how up to date it is, and what of it is not used. */
export function SourceView({ model, api }: ViewProps) {
  const leases = useResource<Items<LeasePage>>(api, 'leases', 5_000)
  const { source, status } = model
  return html`
    ${heading('Source')}
    ${facts(sourceFacts(model))}
    ${
      source &&
      source.sources.length > 0 &&
      html`<section aria-labelledby="sources-title">
      <h2 id="sources-title">What is followed</h2>
      ${table({
        caption: 'Sources',
        columns: sourceColumns(Date.now() - model.sourceAt),
        rows: source.sources,
        keyOf: row => `${row.scope} ${row.name}`,
        classOf: row => (row.stale ? 'is-bad' : ''),
        sorted: true,
        empty: 'None.',
      })}
    </section>`
    }
    <section aria-labelledby="problems-title">
      <h2 id="problems-title">Problems</h2>
      ${
        model.problems.length === 0 &&
        html`<p class="calm"><i class="sign good">●</i> Every value of the registry is used.</p>`
      }
      <ul class="problem-list">
        ${model.problems.map(each => html`<${Problem} key=${each.key + each.reason} problem=${each} />`)}
      </ul>
    </section>
    <section aria-labelledby="leases-title">
      <h2 id="leases-title">Leases</h2>
      ${table({
        caption: 'Leases',
        columns: LEASE_COLUMNS,
        rows: leases.value?.items ?? [],
        keyOf: row => row.id,
        sort: '-left',
        empty: leases.error?.message ?? (leases.value ? 'There are none.' : 'Loading …'),
      })}
    </section>
    ${
      status?.workers &&
      html`<section aria-labelledby="workers-title">
      <h2 id="workers-title">Workers</h2>
      ${table({
        caption: 'Workers',
        columns: [
          { id: 'pid', title: 'Process', cell: row => row.pid },
          { id: 'revision', title: 'Revision', cell: row => row.revision ?? '–' },
          {
            id: 'state',
            title: 'State',
            cell: row =>
              row.connected
                ? row.stale
                  ? 'stale'
                  : 'connected'
                : html`<span class="bad">not connected</span>`,
          },
        ],
        rows: status.workers,
        keyOf: row => String(row.pid),
        sorted: true,
        empty: 'None.',
      })}
    </section>`
    }
  `
}

function sourceFacts({ source, sourceAt, revision, status }: Model): [string, Shown][] {
  if (!source) return []
  const age = source.ageMs === undefined ? undefined : source.ageMs + Date.now() - sourceAt
  return [
    ['Registry', source.registry],
    [
      'Connected',
      source.connected ? 'yes' : html`<span class="bad">no: ${source.reason ?? 'not yet'}</span>`,
    ],
    ['Revision', revision],
    ['Confirmed', age !== undefined && `${durationText(age)} ago`],
    ['Full listings', relists(source.relists)],
    [
      'Drift',
      source.drift > 0 ? html`<span class="bad">${source.drift}: differences that no event told</span>` : '0',
    ],
    ['Values not used', source.skipped],
    [
      'Suspects',
      source.suspects > 0 && `${counted(source.suspects, 'key')} in use that the registry may have lost`,
    ],
    ['Gateway', status && `${status.version}, process ${status.pid}, since ${status.startedAt}`],
  ]
}

function relists(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).filter(([, count]) => count > 0)
  return entries.map(([reason, count]) => `${count} ${reason}`).join(', ') || '0'
}

/** @param sinceMs how old the ages are themselves */
const sourceColumns = (sinceMs: number) => [
  { id: 'scope', title: 'What', width: 1.2, cell: (row: SourceDetails) => row.scope },
  { id: 'name', title: 'Prefix', width: 2.5, cell: (row: SourceDetails) => html`<code>${row.name}</code>` },
  {
    id: 'state',
    title: 'State',
    width: 2,
    cell: (row: SourceDetails) =>
      row.stale
        ? html`<span class="bad" title=${row.reason}>stale: ${row.reason ?? 'not confirmed'}</span>`
        : html`<span><i class="sign good">●</i> ${row.connected ? 'followed' : 'read'}</span>`,
  },
  { id: 'revision', title: 'Revision', numeric: true, cell: (row: SourceDetails) => row.revision ?? '–' },
  {
    id: 'age',
    title: 'Confirmed',
    numeric: true,
    cell: (row: SourceDetails) =>
      row.ageMs === undefined ? '–' : `${durationText(row.ageMs + sinceMs)} ago`,
  },
  { id: 'relists', title: 'Full listings', width: 2, cell: (row: SourceDetails) => relists(row.relists) },
  { id: 'drift', title: 'Drift', numeric: true, width: 0.7, cell: (row: SourceDetails) => row.drift },
]

const LEASE_COLUMNS = [
  {
    id: 'keys',
    title: 'Keys',
    width: 5,
    sort: (row: LeasePage) => row.keys.join(),
    cell: (row: LeasePage) =>
      html`<code title=${row.keys.join('\n')}>${row.keys[0]}</code>${row.keys.length > 1 && html` <span class="faint">and ${row.keys.length - 1} more</span>`}`,
  },
  {
    id: 'id',
    title: 'Lease',
    width: 2,
    cell: (row: LeasePage) => html`<code class="faint">${row.id}</code>`,
  },
  {
    id: 'left',
    title: 'Left',
    numeric: true,
    sort: (row: LeasePage) => row.leftSeconds,
    cell: (row: LeasePage) => `${row.leftSeconds} s`,
  },
  {
    id: 'ttl',
    title: 'Of',
    numeric: true,
    sort: (row: LeasePage) => row.ttlSeconds,
    cell: (row: LeasePage) => `${row.ttlSeconds} s`,
  },
]

/** A value that is not used, with a command that shows it. */
function Problem({ problem: { key, reason, lastGood } }: { readonly problem: TableProblem }) {
  const [copied, setCopied] = useState(false)
  // In single quotes a shell takes everything as it is, other than a single quote.
  const command = `etcdctl get --print-value-only '${key.replaceAll("'", "'\\''")}'`
  const copy = async () => {
    await navigator.clipboard.writeText(command)
    setCopied(true)
  }
  return html`<li>
    <p><b>${key}</b> ${reason}</p>
    ${lastGood && html`<p class="faint">The version of revision ${lastGood.revision} is in use since ${lastGood.since}.</p>`}
    ${key.startsWith('/') && html`<p class="command"><code>${command}</code> <button type="button" onClick=${copy}>${copied ? 'Copied' : 'Copy'}</button></p>`}
  </li>`
}

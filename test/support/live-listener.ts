import type { ChangeEntry, LiveFigures, LiveListener, RequestEntry } from '../../routes/admin/api-types.ts'

/** A listener that keeps all that it is told. */
export interface NotingListener extends LiveListener {
  readonly figures: LiveFigures[]
  readonly tables: Parameters<LiveListener['onTable']>[0][]
  readonly changes: ChangeEntry[]
  readonly requests: RequestEntry[]
  readonly sources: Parameters<LiveListener['onSource']>[0][]
  readonly problems: Parameters<LiveListener['onProblems']>[0][]
  readonly byes: string[]
}

/** @param filter see `LiveListener` */
export function notingListener(filter?: string | null): NotingListener {
  const noted = {
    figures: [] as LiveFigures[],
    tables: [] as NotingListener['tables'],
    changes: [] as ChangeEntry[],
    requests: [] as RequestEntry[],
    sources: [] as NotingListener['sources'],
    problems: [] as NotingListener['problems'],
    byes: [] as string[],
  }
  return {
    ...noted,
    ...(filter !== undefined && { filter }),
    onFigures: each => void noted.figures.push(each),
    onTable: each => void noted.tables.push(each),
    onChange: each => void noted.changes.push(each),
    onRequest: each => void noted.requests.push(each),
    onSource: each => void noted.sources.push(each),
    onProblems: each => void noted.problems.push(each),
    onBye: each => void noted.byes.push(each),
  }
}

import { ApiError } from '../api-errors.ts'
import type { Caller } from '../callers.ts'
import {
  type NeedsRestart,
  type ReloadChange,
  type ReloadConfiguration,
  type ReloadPage,
  ReloadRefused,
} from '../reload-types.ts'
import { about, boolean, list, named, object, oneOf, optional, string, unknown } from './json-schema.ts'
import { flagParameter } from './parameters.ts'
import { resource } from './resource.ts'

/** The schema of the answer to a reload. */
const ReloadAnswer = named(
  'Reload',
  object<ReloadPage>({
    applied: about(boolean, 'False for a dry run.'),
    changes: about(
      list(
        object<ReloadChange>({
          path: string,
          of: oneOf('value', 'secret', 'file'),
          from: optional(about(unknown, 'Null when the field was absent, or is secret.')),
          to: optional(unknown),
        }),
      ),
      'What is different now, or would be.',
    ),
    needsRestart: about(
      list(object<NeedsRestart>({ path: string, kept: optional(unknown) })),
      'What takes effect at the next start, and what is kept until then.',
    ),
    warnings: list(string),
    refusedDocuments: about(
      list(object<ReloadPage['refusedDocuments'][number]>({ id: string, reason: string })),
      'Route documents of the registry that do not fit the new configuration, and are closed.',
    ),
  }),
)

/** Loads the configuration again. */
export const RELOAD_RESOURCE = resource({
  method: 'POST',
  path: '/reload',
  summary: 'Loads the configuration again, as SIGHUP does, and answers with what has changed',
  query: { dryRun: flagParameter('1: only says what would change.') },
  answer: ReloadAnswer,
  read: ({ reload }, { caller, query: { dryRun } }) => reloadFor(caller, reload, dryRun),
})

/**
 * Reloads the configuration for a caller of the API.
 *
 * @throws ApiError when the caller may not, or the configuration cannot be used
 */
async function reloadFor(
  { role }: Caller,
  reload: ReloadConfiguration | undefined,
  dryRun: boolean,
): Promise<ReloadPage> {
  if (role !== 'operate') {
    throw new ApiError(
      'WA_ROLE',
      'a reload needs a token with the role operate (waygate admin-token --name NAME --role operate); SIGHUP does the same without one',
    )
  }
  if (reload === undefined) throw new ApiError('WA_NOT_FOUND', 'this gateway has no file to reload')
  try {
    return await reload({ dryRun })
  } catch (error) {
    if (!(error instanceof ReloadRefused)) throw error
    throw new ApiError('WA_CONFIGURATION', error.message, {}, { problems: error.problems })
  }
}

/** The JSON of `POST /api/v1/reload`. */
export interface ReloadPage {
  /** False for a dry run. */
  readonly applied: boolean
  /** What is different now, or would be. */
  readonly changes: readonly ReloadChange[]
  /** What was changed in the file and takes effect at the next start. */
  readonly needsRestart: readonly NeedsRestart[]
  /** What should be changed in the configuration, one sentence each. */
  readonly warnings: readonly string[]
  /** Route documents of the registry that fitted the configuration before and do not fit this one. They are closed. */
  readonly refusedDocuments: readonly { readonly id: string; readonly reason: string }[]
}

export interface ReloadChange {
  /** The field, such as `routes.documents.user.path`. */
  readonly path: string
  /** `secret`: the values are not shown, and are null. `file`: the file at this path has another content. */
  readonly of: 'value' | 'secret' | 'file'
  /** The values before and after; null = absent. */
  readonly from: unknown
  readonly to: unknown
}

export interface NeedsRestart {
  readonly path: string
  /** The value that stays in force until then, null = none; absent for secrets and contents of files. */
  readonly kept?: unknown
}

/** Why a configuration cannot be used. */
export interface ReloadProblem {
  /** JSON path of the value; empty when it is about no single value. */
  readonly path: string
  readonly message: string
  /** Where it was set, such as `waygate.yaml:12`. */
  readonly source?: string
}

/** A reload that has changed nothing. */
export class ReloadRefused extends Error {
  override readonly name = 'ReloadRefused'
  readonly problems: readonly ReloadProblem[]

  constructor(problems: readonly ReloadProblem[]) {
    super(
      problems
        .map(({ source, path, message }) => [source, path, message].filter(Boolean).join(': '))
        .join('\n'),
    )
    this.problems = problems
  }
}

/** Reloads the configuration, or says what that would do. @throws ReloadRefused */
export type ReloadConfiguration = (options: { readonly dryRun: boolean }) => Promise<ReloadPage>

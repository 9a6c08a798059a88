import type { Setting } from '../../config/load/layers.ts'

/** What the command line says of the configuration. */
export interface Configured {
  /** From `--config`. */
  readonly config: string | undefined
  /** The other options that belong to the configuration, for `loadConfig`. */
  readonly settings: readonly Setting[]
}

export interface StartCommand extends Configured {
  readonly command: 'start'
}

export interface DemoCommand extends Configured {
  readonly command: 'demo'
}

export interface RegisterCommand extends Configured {
  readonly command: 'register'
  readonly name: string
  readonly host: string
  readonly port: number
  readonly id: string | undefined
  readonly weight: number
  readonly metadata: Readonly<Record<string, string>>
  readonly ttlSeconds: number
  /** The command to run, when there is one, and its arguments. */
  readonly child: { readonly file: string; readonly args: readonly string[] } | undefined
}

export interface RoutesCommand extends Configured {
  readonly command: 'routes'
  /** An http or https URL without a trailing slash. Absent: the configured admin listener. */
  readonly admin: string | undefined
}

export interface TokenCommand extends Configured {
  readonly command: 'token'
  readonly subject: string
  readonly expiresInSeconds: number
  readonly claims: Readonly<Record<string, unknown>>
}

export interface ApiKeyCommand extends Configured {
  readonly command: 'api-key'
  readonly owner: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly claims: Readonly<Record<string, unknown>>
  /** Undefined: it never expires. */
  readonly expiresInSeconds: number | undefined
}

export interface HashPasswordCommand {
  readonly command: 'hash-password'
  /** Whose it is, to print a line of `basic.usersFile`. */
  readonly user: string | undefined
}

/** What `check` can judge. */
export const CHECK_KINDS = ['config', 'route', 'services', 'api-key'] as const
export type CheckKind = (typeof CHECK_KINDS)[number]

export interface CheckCommand {
  readonly command: 'check'
  readonly file: string
  readonly kind: CheckKind | undefined
}

export interface DoctorCommand extends Configured {
  readonly command: 'doctor'
  readonly writeCheck: boolean
  readonly json: boolean
}

export type Command =
  | StartCommand
  | DemoCommand
  | RegisterCommand
  | RoutesCommand
  | TokenCommand
  | ApiKeyCommand
  | HashPasswordCommand
  | CheckCommand
  | DoctorCommand
  /** To be printed on stdout. */
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }

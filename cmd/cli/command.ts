import type { Setting } from '../../config/load/layers.ts'

/** How the command line changes the configuration. */
export interface Configured {
  /** The file named by `--config`. */
  readonly config: string | undefined
  /** The options that set fields of the configuration, for `loadConfig`. */
  readonly settings: readonly Setting[]
}

export interface StartCommand extends Configured {
  readonly command: 'start'
}

export interface DemoCommand extends Configured {
  readonly command: 'demo'
  /** Whether the services speak gRPC. */
  readonly grpc: boolean
  /** Whether clients use TLS. */
  readonly tls: boolean
}

export interface RegisterCommand extends Configured {
  readonly command: 'register'
  readonly name: string
  readonly host: string
  readonly port: number
  readonly id: string | undefined
  readonly weight: number
  /** Undefined = the metadata's `protocol`, or else `http`. */
  readonly protocol: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly ttlSeconds: number
  /** The command to run and its arguments; undefined when there is none. */
  readonly child: { readonly file: string; readonly args: readonly string[] } | undefined
  /** Whether the command is taken over if it runs already, left behind by a sidecar that was killed. */
  readonly adopt: boolean
}

export interface RoutesCommand extends Configured {
  readonly command: 'routes'
  /** An http or https URL without a trailing slash; undefined = the configured admin listener. */
  readonly admin: string | undefined
}

export interface ExplainCommand extends Configured {
  readonly command: 'explain'
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly client: string
  readonly claims: Readonly<Record<string, unknown>> | undefined
  readonly json: boolean
  /** An http or https URL without a trailing slash; undefined = the configured admin listener. */
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
  /** Undefined = the key never expires. */
  readonly expiresInSeconds: number | undefined
}

export interface HashPasswordCommand {
  readonly command: 'hash-password'
  /** The user for whom a whole line of `basic.usersFile` is printed; undefined = only the hash is printed. */
  readonly user: string | undefined
}

/** The kinds of file that `waygate check` knows. */
export const CHECK_KINDS = ['config', 'route', 'policies', 'services', 'api-key'] as const
export type CheckKind = (typeof CHECK_KINDS)[number]

export interface CheckCommand {
  readonly command: 'check'
  readonly file: string
  readonly kind: CheckKind | undefined
  /** The admin listener of the gateway whose services are known, a URL without a trailing slash; undefined = none. */
  readonly admin: string | undefined
}

export interface DoctorCommand extends Configured {
  readonly command: 'doctor'
  readonly writeCheck: boolean
  readonly json: boolean
}

/** What `waygate descriptors` can do. */
export const DESCRIPTOR_ACTIONS = ['put', 'get', 'list', 'check'] as const

export interface DescriptorsCommand extends Configured {
  readonly command: 'descriptors'
  readonly action: (typeof DESCRIPTOR_ACTIONS)[number]
  /** The key below the prefix; empty for `list` and `check`. */
  readonly name: string
  /** The file that is read or written; empty for `list`, and for `put` with `from`. */
  readonly file: string
  /** The node that `put` asks; undefined = it reads `file`. */
  readonly from:
    | { readonly host: string; readonly port: number; readonly protocol: 'grpc' | 'grpcs' }
    | undefined
  /** Whether the paths at which methods take JSON are printed. */
  readonly rules: boolean
}

/** What `waygate certificate` can do. */
export const CERTIFICATE_ACTIONS = ['put', 'list'] as const

export type CertificateCommand = Configured & { readonly command: 'certificate' } & (
    | {
        readonly action: 'put'
        /** The key below the prefix. */
        readonly name: string
        /** The paths of PEM files. */
        readonly cert: string
        readonly key: string
        /** The path of the file with the password of the key; undefined = it is not encrypted. */
        readonly keyPasswordFile: string | undefined
      }
    | { readonly action: 'list' }
  )

export interface SplitCommand extends Configured {
  readonly command: 'split'
  /** The id of the route. */
  readonly route: string
  readonly variant: string
  /** 0..100, in steps of 0.01. */
  readonly percent: number
}

export type Command =
  | StartCommand
  | DemoCommand
  | RegisterCommand
  | RoutesCommand
  | ExplainCommand
  | TokenCommand
  | ApiKeyCommand
  | HashPasswordCommand
  | CheckCommand
  | DoctorCommand
  | DescriptorsCommand
  | CertificateCommand
  | SplitCommand
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }

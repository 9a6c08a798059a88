import type { Setting } from '../../config/load/layers.ts'
import type { OutputFormat } from './output.ts'

/** How the command line changes the configuration. */
export interface Configured {
  /** The file named by `--config`. */
  readonly config: string | undefined
  /** The options that set fields of the configuration, for `loadConfig`. */
  readonly settings: readonly Setting[]
}

/** A command that asks the admin listener of a running gateway. */
export interface AdminCommand extends Configured {
  /** An http or https URL without a trailing slash; undefined = that of WAYGATE_ADMIN, or else the configured listener. */
  readonly admin: string | undefined
}

/** A command that prints what it has read, in one of several formats. */
export interface PrintingCommand extends AdminCommand {
  readonly output: OutputFormat
}

export interface ReloadCommand extends PrintingCommand {
  readonly command: 'reload'
  /** Whether it only says what would change. */
  readonly dryRun: boolean
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
  /** How many requests a second it sends to itself; 0 = none. */
  readonly traffic: number
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

export interface RoutesCommand extends PrintingCommand {
  readonly command: 'routes'
  /** In the language of filters; empty = all. */
  readonly filter: string
}

export interface ServicesCommand extends PrintingCommand {
  readonly command: 'services'
  /** Undefined = all. */
  readonly name: string | undefined
}

export interface NodesCommand extends PrintingCommand {
  readonly command: 'nodes'
  /** Undefined = the nodes of all services. */
  readonly service: string | undefined
  /** The id of one node; undefined = all of the service. */
  readonly id: string | undefined
  /** Which nodes are wanted, in the language of filters; empty = all. */
  readonly filter: string
}

export interface LeasesCommand extends PrintingCommand {
  readonly command: 'leases'
}

export interface TopCommand extends PrintingCommand {
  readonly command: 'top'
  readonly once: boolean
}

export interface TailCommand extends PrintingCommand {
  readonly command: 'tail'
  /** In the language of filters; empty = all. */
  readonly filter: string
  /** Whether only requests that went wrong are shown. */
  readonly problems: boolean
  /** How many of the last requests are shown first. */
  readonly lines: number
  /** Whether it ends after them. */
  readonly once: boolean
}

export interface WhyCommand extends PrintingCommand {
  readonly command: 'why'
  readonly requestId: string
}

export interface StatusCommand extends PrintingCommand {
  readonly command: 'status'
  /** How long it waits until the gateway is ready; 0 = not at all. */
  readonly waitSeconds: number
}

export interface HealthcheckCommand extends Configured {
  readonly command: 'healthcheck'
}

export interface DashboardCommand extends AdminCommand {
  readonly command: 'dashboard'
  /** Whether the link is opened in a browser. */
  readonly open: boolean
}

/** The shells that `waygate completion` knows. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
/** The things whose ids a shell can complete. */
export const COMPLETED_IDS = ['routes', 'services', 'nodes'] as const

export type CompletionCommand = AdminCommand & { readonly command: 'completion' } & (
    | { readonly shell: (typeof SHELLS)[number]; readonly ids?: undefined }
    | { readonly ids: (typeof COMPLETED_IDS)[number] }
  )

export interface ExplainCommand extends PrintingCommand {
  readonly command: 'explain'
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly client: string
  readonly claims: Readonly<Record<string, unknown>> | undefined
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

/** The roles of tokens of the admin listener, from the least to the most. */
export const ADMIN_ROLES = ['metrics', 'register', 'read', 'operate'] as const

export interface AdminTokenCommand {
  readonly command: 'admin-token'
  readonly name: string
  readonly role: (typeof ADMIN_ROLES)[number]
  /** With the role `register`: the services that it is for; empty = all. */
  readonly services: readonly string[]
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

/** What `waygate etcd` can do. */
export const ETCD_ACTIONS = ['export', 'import'] as const

export interface EtcdCommand extends Configured {
  readonly command: 'etcd'
  readonly action: (typeof ETCD_ACTIONS)[number]
  /** Whether keys that exist with another value get that of the import. */
  readonly overwrite: boolean
}

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
  | EtcdCommand
  | RegisterCommand
  | RoutesCommand
  | ServicesCommand
  | NodesCommand
  | LeasesCommand
  | TopCommand
  | TailCommand
  | WhyCommand
  | StatusCommand
  | ReloadCommand
  | HealthcheckCommand
  | DashboardCommand
  | CompletionCommand
  | ExplainCommand
  | TokenCommand
  | ApiKeyCommand
  | AdminTokenCommand
  | HashPasswordCommand
  | CheckCommand
  | DoctorCommand
  | DescriptorsCommand
  | CertificateCommand
  | SplitCommand
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }

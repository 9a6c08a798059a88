/** One value said outside the file: by the environment or on the command line. */
export interface Setting {
  /** Where it belongs in the configuration, dots between the keys: `etcd.endpoints`. */
  readonly path: string
  readonly value: unknown
  /** `environment WAYGATE_PORT` or `option --port`. */
  readonly source: string
}

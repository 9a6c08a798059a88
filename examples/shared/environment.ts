/** The settings of an example service. */
export interface Environment {
  /** HOST. Default 127.0.0.1. */
  readonly host: string
  /** PORT. The default 0 means any free port. */
  readonly port: number
  /** DATABASE: a file, or `:memory:`, which is the default. */
  readonly database: string
  /** WAYGATE_WEIGHT: the node's share of requests, 0..65535. Default 1. */
  readonly weight: number
  /** LOG_LEVEL: a level of pino. Default `info`. */
  readonly logLevel: string
}

/** @throws Error with a message for people when a number is invalid */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  return {
    host: env.HOST ?? '127.0.0.1',
    port: integer('PORT', env.PORT ?? '0'),
    database: env.DATABASE ?? ':memory:',
    weight: integer('WAYGATE_WEIGHT', env.WAYGATE_WEIGHT ?? '1'),
    logLevel: env.LOG_LEVEL ?? 'info',
  }
}

function integer(name: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) {
    throw new Error(`${name} must be an integer from 0 to 65535, not "${text}"`)
  }
  return value
}

/** What every example service is started with. */
export interface Environment {
  /** HOST; loopback unless said otherwise. */
  readonly host: string
  /** PORT; 0 = any free one. */
  readonly port: number
  /** DATABASE: a file, or `:memory:`. */
  readonly database: string
  /** WAYGATE_WEIGHT: the node's share of requests, 0..65535. */
  readonly weight: number
  /** LOG_LEVEL of pino. */
  readonly logLevel: string
}

/** @throws Error for people when a number is not one */
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

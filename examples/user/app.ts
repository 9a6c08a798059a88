import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { createApp } from '../shared/create-app.ts'
import { openDatabase } from '../shared/database.ts'
import { TokenIssuer, type TokenIssuerOptions } from './token-issuer.ts'
import { handleUsers } from './user-handler.ts'
import { USER_SCHEMA, UserRepository } from './user-repository.ts'
import { UserService } from './user-service.ts'

export interface UserAppOptions {
  /** A SQLite file, or `:memory:`. Several nodes on one machine may share a file. */
  readonly database: string
  readonly tokens: TokenIssuerOptions
  readonly logger?: FastifyServerOptions['logger']
}

/** Creates the user service, ready for `listen()` or `inject()`. Closing it closes its database. */
export async function buildApp({ database: path, tokens, logger }: UserAppOptions): Promise<FastifyInstance> {
  const issuer = new TokenIssuer(tokens)
  const database = await openDatabase(path, USER_SCHEMA)
  const app = createApp(logger)
  handleUsers(app, new UserService(new UserRepository(database), issuer))
  app.addHook('onClose', () => database.close())
  return app
}

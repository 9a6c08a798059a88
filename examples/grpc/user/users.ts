import { openDatabase } from '../../shared/database.ts'
import { TokenIssuer, type TokenIssuerOptions } from '../../user/token-issuer.ts'
import { USER_SCHEMA, UserRepository } from '../../user/user-repository.ts'
import { UserService } from '../../user/user-service.ts'
import { createGrpcService, type GrpcService } from '../shared/server.ts'
import { createUserHandlers } from './user-handler.ts'

/**
 * Puts the layers of the user service together: the handlers of gRPC above the rules and the SQL of the HTTP example.
 *
 * @param path a SQLite file, or `:memory:`
 * @returns the service, and what closes the database after it
 */
export async function openUsers(
  path: string,
  tokens: TokenIssuerOptions,
): Promise<{ service: GrpcService; close: () => void }> {
  const issuer = new TokenIssuer(tokens)
  const database = await openDatabase(path, USER_SCHEMA)
  const users = new UserService(new UserRepository(database), issuer)
  const service = createGrpcService({
    file: 'user/v1/user.proto',
    service: 'user.v1.Users',
    handlers: createUserHandlers(users),
  })
  return { service, close: () => database.close() }
}

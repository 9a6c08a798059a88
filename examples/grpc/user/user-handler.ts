import type * as grpc from '@grpc/grpc-js'
import { Problem } from '../../shared/problem.ts'
import { type Credentials, USER_NAME, type UserService } from '../../user/user-service.ts'
import { answering, callerOf } from '../shared/calls.ts'

type Unary<Request> = grpc.ServerUnaryCall<Request, unknown>

/** The gRPC interface of {@link UserService}: messages and statuses. `user.proto` describes it. */
export function createUserHandlers(users: UserService): grpc.UntypedServiceImplementation {
  return {
    Register: answering(async (call: Unary<Credentials>) => {
      const { name, password } = call.request
      if (!USER_NAME.test(name)) throw new Problem(400, 'name must be a user name or an e-mail address')
      // As JSON Schema counts them.
      const { length } = [...password]
      if (length < 8 || length > 256) {
        throw new Problem(400, 'password must have 8 to 256 characters')
      }
      const { id } = await users.register({ name, password })
      return { id, name }
    }),

    Login: answering((call: Unary<Credentials>) => users.login(call.request)),

    GetMe: answering((call: Unary<object>) => {
      const { id, name } = users.byId(callerOf(call))
      return { id, name }
    }),
  }
}

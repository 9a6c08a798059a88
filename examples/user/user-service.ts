import { randomUUID } from 'node:crypto'
import { Problem } from '../shared/problem.ts'
import { hashPassword, verifyPassword } from './password.ts'
import type { IssuedToken, TokenIssuer } from './token-issuer.ts'
import type { User, UserRepository } from './user-repository.ts'

/** Allows user names and plain e-mail addresses. */
export const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9._+@-]{0,63}$/

export interface Credentials {
  readonly name: string
  readonly password: string
}

/** Registers users, logs them in, and looks them up. */
export class UserService {
  readonly #users: UserRepository
  readonly #tokens: TokenIssuer
  #decoyHash: Promise<string> | undefined

  constructor(users: UserRepository, tokens: TokenIssuer) {
    this.#users = users
    this.#tokens = tokens
  }

  /** @throws Problem 409 when the name is taken */
  async register({ name, password }: Credentials): Promise<User> {
    const user = { id: randomUUID(), name, passwordHash: await hashPassword(password) }
    if (!this.#users.insert(user)) throw new Problem(409, `the name ${name} is taken`)
    return user
  }

  /** @throws Problem 401 when there is no such user or the password is wrong */
  async login({ name, password }: Credentials): Promise<IssuedToken> {
    const user = this.#users.byName(name)
    // An unknown name takes as long as a wrong password, so that the time does not reveal which names exist.
    const hash = user?.passwordHash ?? (await this.#decoy())
    const matches = await verifyPassword(password, hash)
    if (!user || !matches) throw new Problem(401, 'no user has this name and password')
    return this.#tokens.issue(user.id)
  }

  /** @throws Problem 404 when there is no such user */
  byId(id: string): User {
    const user = this.#users.byId(id)
    if (!user) throw new Problem(404, 'there is no such user')
    return user
  }

  #decoy(): Promise<string> {
    this.#decoyHash ??= hashPassword(randomUUID())
    return this.#decoyHash
  }
}

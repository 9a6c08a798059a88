import { readEnvironment } from '../../shared/environment.ts'
import { readTokenOptions } from '../../user/token-issuer.ts'
import { serve } from '../shared/serve.ts'
import { openUsers } from './users.ts'

const environment = readEnvironment(process.env)
const { service, close } = await openUsers(environment.database, readTokenOptions(process.env))
await serve('user', service, environment)
close()

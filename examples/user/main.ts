import waygate from 'waygate/fastify'
import { readEnvironment } from '../shared/environment.ts'
import { serve } from '../shared/serve.ts'
import { buildApp } from './app.ts'

const { host, port, database, weight, logLevel } = readEnvironment(process.env)
const { WAYGATE_JWT_SECRET: secret, WAYGATE_JWT_ISSUER, WAYGATE_JWT_AUDIENCE } = process.env
if (!secret)
  throw new Error(
    'WAYGATE_JWT_SECRET is not set; set it to the secret with which the gateway verifies tokens',
  )

// The gateway may accept several, separated by commas. A token contains one.
const issuer = WAYGATE_JWT_ISSUER?.split(',')[0]?.trim()
const audience = WAYGATE_JWT_AUDIENCE?.split(',')[0]?.trim()

const app = await buildApp({ database, tokens: { secret, issuer, audience }, logger: { level: logLevel } })
await app.register(waygate, { name: 'user', weight })
await serve(app, { host, port })

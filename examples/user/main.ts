import waygate from 'waygate/fastify'
import { readEnvironment } from '../shared/environment.ts'
import { serve } from '../shared/serve.ts'
import { buildApp } from './app.ts'
import { readTokenOptions } from './token-issuer.ts'

const { host, port, database, weight, logLevel } = readEnvironment(process.env)
const app = await buildApp({ database, tokens: readTokenOptions(process.env), logger: { level: logLevel } })
await app.register(waygate, { name: 'user', weight })
await serve(app, { host, port })

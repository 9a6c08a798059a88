import waygate from 'waygate/fastify'
import { readEnvironment } from '../shared/environment.ts'
import { serve } from '../shared/serve.ts'
import { buildApp } from './app.ts'

const { host, port, database, weight, logLevel } = readEnvironment(process.env)

const app = await buildApp({ database, logger: { level: logLevel } })
await app.register(waygate, { name: 'task', weight })
await serve(app, { host, port })

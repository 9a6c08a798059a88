import { readEnvironment } from '../../shared/environment.ts'
import { serve } from '../shared/serve.ts'
import { openTasks } from './tasks.ts'

const environment = readEnvironment(process.env)
const { service, close } = await openTasks(environment.database)
await serve('task', service, environment)
close()

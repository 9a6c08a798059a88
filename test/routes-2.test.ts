import { runTogether } from './support/together.ts'

runTogether('routes', { part: 2, of: 2 })

import { runTogether } from './support/together.ts'

runTogether('routes', { part: 1, of: 2 })

import { runTogether } from './support/together.ts'

runTogether('discovery', { part: 1, of: 4 })

import { runTogether } from './support/together.ts'

runTogether('discovery', { part: 4, of: 4 })

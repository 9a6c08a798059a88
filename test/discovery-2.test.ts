import { runTogether } from './support/together.ts'

runTogether('discovery', { part: 2, of: 4 })

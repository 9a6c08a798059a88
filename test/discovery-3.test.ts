import { runTogether } from './support/together.ts'

runTogether('discovery', { part: 3, of: 4 })

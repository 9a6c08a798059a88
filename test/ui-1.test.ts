import { runTogether } from './support/together.ts'

runTogether('ui', { part: 1, of: 2 })

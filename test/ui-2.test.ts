import { runTogether } from './support/together.ts'

runTogether('ui', { part: 2, of: 2 })

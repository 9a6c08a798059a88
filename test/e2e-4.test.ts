import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 4, of: 10 })

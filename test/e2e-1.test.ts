import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 1, of: 10 })

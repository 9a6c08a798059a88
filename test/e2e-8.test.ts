import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 8, of: 10 })

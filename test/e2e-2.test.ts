import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 2, of: 10 })

import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 7, of: 10 })

import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 5, of: 10 })

import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 6, of: 10 })

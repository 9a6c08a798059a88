import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 9, of: 10 })

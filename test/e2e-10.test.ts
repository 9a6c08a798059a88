import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 10, of: 10 })

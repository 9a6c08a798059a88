import { runTogether } from './support/together.ts'

runTogether('e2e', { part: 3, of: 10 })

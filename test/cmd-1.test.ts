import { runTogether } from './support/together.ts'

runTogether('cmd', { part: 1, of: 3 })

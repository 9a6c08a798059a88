import { runTogether } from './support/together.ts'

runTogether('cmd', { part: 2, of: 3 })

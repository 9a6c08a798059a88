import { runTogether } from './support/together.ts'

runTogether('cmd', { part: 3, of: 3 })

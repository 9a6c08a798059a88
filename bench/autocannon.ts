/** Runs autocannon with the options in the JSON file of its argument, and prints the result as JSON. */
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import type { LoadOptions } from './load.ts'

const load: LoadOptions = JSON.parse(readFileSync(process.argv[2]!, 'utf8'))
const { tokens = [], body } = load
const result = await autocannon({
  url: load.base + load.path,
  connections: load.connections,
  duration: load.seconds,
  method: load.method ?? 'GET',
  ...(body && { body: body.text, headers: { 'content-type': body.type } }),
  ...(tokens.length > 0 && {
    requests: tokens.map(token => ({ headers: { authorization: `Bearer ${token}` } })),
  }),
})
console.log(JSON.stringify(result))

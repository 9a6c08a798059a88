import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

/** Loaded into a program before anything else: writes down what the program loads, whether by import or by require. */
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED_MODULES!, `${url}\n`)
    return next(url, context)
  },
})

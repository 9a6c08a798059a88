/** Resolves with the first SIGTERM or SIGINT. A second one ends the process at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let first = true
    const onSignal = (signal: NodeJS.Signals) => {
      if (!first) process.exit(signal === 'SIGINT' ? 130 : 143)
      first = false
      resolve(signal)
    }
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  })
}

/** Calls `reload` at each SIGHUP from now on, which ends the process no more. */
export function onReloadSignal(reload: () => void): void {
  process.on('SIGHUP', reload)
}

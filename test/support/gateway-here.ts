import { rm } from 'node:fs/promises'
import { formatError } from '../../cmd/cli/format-error.ts'
import { publicUrlsOf, urlOf } from '../../cmd/cli/listening.ts'
import { parseCommandLine } from '../../cmd/cli/options.ts'
import { createLogger, logStartWarnings } from '../../cmd/gateway/logger.ts'
import type { Reloader, Source } from '../../cmd/gateway/reload.ts'
import { startStack } from '../../cmd/gateway/stack.ts'
import { createFileRecord } from '../../config/keys/file-contents.ts'
import { loadConfig } from '../../config/load/load.ts'
import {
  prepareStart,
  readLog,
  type ServingGateway,
  type ServingOptions,
  SHARED_MACHINE,
  untilServing,
} from './serving-gateway.ts'

/** A gateway in this process. */
export interface GatewayHere extends ServingGateway {
  /** Loads its configuration again, from the file in its folder. */
  readonly reloader: Reloader
}

/**
 * Starts in this process what `waygate start` runs in its own, from the same arguments, variables and configuration file, with
 * an etcd or the embedded one. It shares its loop with the test, so it never finds itself overloaded unless the
 * configuration says when. It is ended as a killed process is: at once, without draining.
 *
 * @throws ConfigError and whatever else keeps a gateway from starting
 */
export async function startGatewayHere(options: ServingOptions = {}): Promise<GatewayHere> {
  const { cwd, args } = await prepareStart({ ...options, ...withConfig(options) })
  const removeFolder = async () => {
    if (options.cwd === undefined) await rm(cwd, { recursive: true, force: true, maxRetries: 5 })
  }
  let over = false
  let text = ''
  try {
    const command = parseCommandLine(args)
    if (command.command !== 'start') throw new Error(`not a start: ${args.join(' ')}`)
    const load = (): Source => {
      const files = createFileRecord()
      const { config: file, settings: flags } = command
      const read = loadConfig({ file, env: options.env ?? {}, flags, cwd, readKeyFile: files.readFile })
      const orNone = (field: 'drainMs' | 'shutdownTimeoutMs') =>
        read.sourceOf(field) === 'default' ? 0 : read.config[field]
      const times = { drainMs: orNone('drainMs'), shutdownTimeoutMs: orNone('shutdownTimeoutMs') }
      const config = { ...read.config, ...times }
      return { loaded: { ...read, config }, keyFiles: files.contents() }
    }
    const source = load()
    const { loaded } = source
    if (loaded.config.workers !== 1) throw new Error('several workers are processes: use startGateway')
    const log = createLogger(loaded.config.logLevel, line => {
      text += line
      return false
    })
    logStartWarnings(loaded, log.logger)
    const stack = await startStack(loaded, log, 'here', {}, { load, source, formatError })
    const listening = { ...publicUrlsOf(stack.gateway.addresses), admin: urlOf(stack.adminAddress) }
    log.logger.info(listening, 'waygate is listening')
    let stopped: Promise<unknown> | undefined
    const stop = async () => {
      stopped ??= stack.stop().finally(() => {
        over = true
        return removeFolder()
      })
      await stopped
    }
    const reader = readLog(
      () => text,
      () => over,
    )
    const reloader = stack.reloader!
    const gateway = { ...reader, cwd, reloader, stdout: () => text, stop, [Symbol.asyncDispose]: stop }
    return await untilServing(options, reader).then(
      serving => ({ ...gateway, ...serving }),
      async error => {
        await stop()
        throw error
      },
    )
  } catch (error) {
    await removeFolder()
    throw error
  }
}

function withConfig({ config, cwd }: ServingOptions): Pick<ServingOptions, 'config'> {
  return config === undefined && cwd !== undefined ? {} : { config: { ...SHARED_MACHINE, ...config } }
}

import type { Logger } from 'pino'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import type { Step } from '../../internal/policy.ts'
import type { TlsFromRegistry } from './tls-from-registry.ts'

export interface OpenAcmeChallengesOptions {
  readonly acmeChallengeDir?: string | undefined
  readonly fromRegistry: Pick<TlsFromRegistry, 'answerTo'> | undefined
  readonly logger: Logger
}

/** Creates the step that answers challenges of ACME; undefined when there is neither a folder nor a registry to answer from. */
export async function openAcmeChallenges({
  acmeChallengeDir: folder,
  fromRegistry,
  logger,
}: OpenAcmeChallengesOptions): Promise<Step | undefined> {
  if (folder === undefined && fromRegistry === undefined) return undefined
  const { createAcmeChallenges } = await import('../../middleware/request/acme-challenges.ts')
  const reports = new OnceAMinute<string>()
  return createAcmeChallenges({
    folder,
    answerTo: token => fromRegistry?.answerTo(token),
    onProblem(file, reason) {
      if (!reports.isDue(reason, performance.now())) return
      logger.warn(
        { file, reason },
        'answer to an ACME challenge cannot be read; logged at most once a minute for each reason',
      )
    },
  })
}

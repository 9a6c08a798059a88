import { flagParameter, textParameter } from './parameters.ts'

/** The parameters of `GET /api/v1/live`. */
export const LIVE_PARAMETERS = {
  figures: flagParameter('1: the event `figures`, each second.'),
  tail: textParameter(
    'A filter of finished requests, for the event `requests`. Empty: all. Absent: the event is not sent.',
  ),
  rows: textParameter(
    'A filter of the rows of `figures`, which counts when there are more than 2,000. Without it, those with the most requests are sent then.',
  ),
}

import { lock } from '../../index.ts'

// A holder as a program, which can be killed and stopped: takes the lock NAME in the etcd at URL, says `held`,
// later `lost`, and never releases it.
const [url = '', name = '', ttlSeconds = '10'] = process.argv.slice(2)

const { lost } = await lock(name, { etcd: url, ttlSeconds: Number(ttlSeconds) })
lost.addEventListener('abort', () => process.send?.('lost'))
process.send?.('held')

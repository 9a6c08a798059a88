import { lock } from '../../index.ts'
import { sayReady } from './say-ready.ts'

// A lock holder as a separate process, which can be killed and stopped. It takes the lock NAME in the etcd at URL,
// sends `held`, later `lost`, and never releases the lock.
const [url = '', name = '', ttlSeconds = '10'] = process.argv.slice(2)

const { lost } = await lock(name, { etcd: url, ttlSeconds: Number(ttlSeconds) })
lost.addEventListener('abort', () => process.send?.('lost'))
sayReady('held')

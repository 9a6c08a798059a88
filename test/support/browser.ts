import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'

/** The path of Chromium; undefined where there is none. */
const program = process.env.CHROMIUM || pathOf('chromium')

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A name that leads to this machine, as that of a page that rebinds its name does.
  '--host-resolver-rules=MAP rebound.test 127.0.0.1',
]

/** A script that tells the console of each thing that the policy of a page forbids. */
const TELL_REPORTS = `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  console.error('policy: ' + violatedDirective + ' ' + blockedURI))`

/** Resolves when the page draws: with whether it is visible. */
const DRAW = 'new Promise(done => requestAnimationFrame(() => done(!document.hidden)))'

/** How long a test waits for something to be on a page: generous, because the machine may be busy. */
const WAIT_MS = 15_000
const DRAWN_WITHIN_MS = 3_000
const MOST_BROWSERS = 3
/** The browser stays so long after the last page was closed, for the tests of the next file. */
const IDLE_MS = 1_000

/**
 * Skips a test where there is no browser, and fails it with `CI=true`.
 *
 * @returns true when the test may continue: `if (!requireBrowser(t)) return`.
 */
export function requireBrowser(t: TestContext): boolean {
  if (program !== undefined) return true
  if (process.env.CI) throw new Error('CI needs chromium on PATH, or CHROMIUM with the path of a browser')
  t.skip('chromium is not on PATH')
  return false
}

let browser: Promise<Browser> | undefined
let users = 0
let idle: NodeJS.Timeout | undefined

/** A page of the browser, and everything that it complained about. */
export interface TestPage {
  readonly page: Page
  /** Messages of the console, errors of scripts and reports of the content security policy. */
  readonly complaints: readonly string[]
  /** Opens a further tab that shares what is kept for its origin. */
  newTab(): Promise<Page>
  close(): Promise<void>
}

/**
 * Opens a page in the browser that all tests of this process share, in a profile of its own. Closed after the test; the browser
 * ends with the last of its pages.
 */
export async function openPage(
  t: Pick<TestContext, 'after'>,
  options: BrowserContextOptions = {},
): Promise<TestPage> {
  clearTimeout(idle)
  users++
  const { context, page } = await openDrawnPage({ viewport: { width: 1280, height: 800 }, ...options })
  context.setDefaultTimeout(WAIT_MS)
  const complaints: string[] = []
  context.on('console', message => complaints.push(`${message.type()}: ${message.text()}`))
  context.on('weberror', error => complaints.push(`error: ${error.error().message}`))
  await context.addInitScript({ content: TELL_REPORTS })
  let isClosed = false
  const close = async () => {
    if (isClosed) return
    isClosed = true
    await context.close()
    if (--users === 0) idle = setTimeout(endBrowser, IDLE_MS)
  }
  t.after(close)
  return { page, complaints, newTab: () => context.newPage(), close }
}

/** Opens a page that draws. Chromium without a GPU sometimes stops to, for good; another browser takes its place then. */
async function openDrawnPage(
  options: BrowserContextOptions,
): Promise<{ context: BrowserContext; page: Page }> {
  for (let attempt = 1; ; attempt++) {
    browser ??= chromium.launch({ executablePath: program!, args: FLAGS })
    const opened = browser
    const context = await (await opened).newContext(options)
    const page = await context.newPage()
    const drawn = page.evaluate<boolean>(DRAW).catch(() => false)
    const isDrawn = await Promise.race([drawn, delay(DRAWN_WITHIN_MS, false, { ref: false })])
    // Pages of other tests may still be open in it.
    if (isDrawn || attempt === MOST_BROWSERS || users > 1) return { context, page }
    if (browser === opened) await endBrowser()
  }
}

async function endBrowser(): Promise<void> {
  const ending = browser
  browser = undefined
  await (await ending)?.close()
}

function pathOf(name: string): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, name))
  return paths.find(path => existsSync(path))
}

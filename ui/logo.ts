import { html } from './html.ts'

/** The logo: a gate with a way through it. The icon of the page is the same. */
export function logo() {
  return html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
    <path
      fill-rule="evenodd"
      d="M3 30V15.5a13 13 0 0 1 26 0V30h-6.700L17.700 17.500h-3.400L9.700 30zM16 8.400a3.100 3.100 0 1 0 0 6.200 3.100 3.100 0 0 0 0-6.200z"
    />
  </svg>`
}

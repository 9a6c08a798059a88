import { html } from './html.ts'
import { logo } from './logo.ts'

export interface SignInProps {
  /** Why the last token was not taken. */
  readonly refused: boolean
  readonly onToken: (token: string) => void
}

/** Asks for the token of the admin listener. */
export function SignIn({ refused, onToken }: SignInProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const token = new FormData(event.currentTarget as HTMLFormElement).get('token')
    if (typeof token === 'string' && token !== '') onToken(token.trim())
  }
  return html`<main class="sign-in">
    <form onSubmit=${submit}>
      ${logo()}
      <h1>Waygate</h1>
      <label>
        Admin token
        <input name="token" type="password" autocomplete="current-password" required autofocus spellcheck=${false} />
      </label>
      ${refused && html`<p class="bad" role="alert">The gateway does not accept this token.</p>`}
      <button type="submit">Sign in</button>
      <p class="hint">It is kept until this tab is closed. <code>waygate dashboard</code> prints a link that has it.</p>
    </form>
  </main>`
}

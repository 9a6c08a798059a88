/** What is wrong with a rule whose cookie is signed where there is no secret; it follows what the rule says. */
export const NO_COOKIE_SECRET =
  'needs a secret to sign its cookie: set WAYGATE_COOKIE_SECRET or routes.stickyCookie.secretFile'

import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  compileClaimPath
} from "./chunk-UF6LBCNO.js";

// middleware/auth/claims.ts
function createClaimReader({
  rolesClaim,
  scopeClaim = "scope",
  claimHeaders
}) {
  const scopesOf = scopeClaim === "scope" ? scopeOrScp : compileClaimPath(scopeClaim);
  const rolesOf = compileClaimPath(rolesClaim);
  const headers = Object.entries(claimHeaders).map(
    ([path, header]) => [compileClaimPath(path), header]
  );
  return (claims) => ({
    subject: claims.sub === void 0 ? void 0 : headerValue(claims.sub),
    headers: headers.flatMap(([readClaim, header]) => {
      const value = readClaim(claims);
      return value === void 0 || value === null ? [] : [header, headerValue(value)];
    }),
    scopes: words(scopesOf(claims)),
    roles: words(rolesOf(claims)),
    claims
  });
}
function createGrantReader({
  claimHeaders
}) {
  const read = createClaimReader({ claimHeaders, rolesClaim: "roles", scopeClaim: "scope" });
  return (sub, { claims, scopes = [], roles = [] }) => read({ ...claims, sub, scope: scopes, roles });
}
function scopeOrScp({ scope, scp }) {
  return scope ?? scp;
}
function words(value) {
  if (typeof value === "string") return value.split(" ").filter((word) => word !== "");
  return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
}
var PLAIN = /^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/;
function headerValue(value) {
  let text;
  if (typeof value === "string") text = value;
  else if (Array.isArray(value) && value.every((item) => typeof item === "string")) text = value.join(",");
  else text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text === "" || PLAIN.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

export {
  createClaimReader,
  createGrantReader
};

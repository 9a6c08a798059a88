import {
  takeHeader
} from "./chunk-BN4MFTCA.js";
import {
  GatewayError
} from "./chunk-GKCQH2HY.js";

// middleware/auth/api-key-authenticator.ts
import { hash } from "node:crypto";
var MAX_KEY_BYTES = 512;
function createApiKeyAuthenticator({
  apiKeys,
  header,
  now = Date.now
}) {
  const challenge = `ApiKey realm="waygate", header="${header}"`;
  const headers = { "www-authenticate": challenge };
  function refusal(code, reason) {
    const detail = code === "WG_TOKEN_EXPIRED" ? "The API key has expired." : "The API key was not accepted.";
    return new GatewayError(code, { detail, cause: new TypeError(reason), headers });
  }
  return {
    challenge,
    authenticate(head) {
      const key = takeHeader(head.headers, header);
      if (key === void 0) {
        throw new GatewayError("WG_TOKEN_MISSING", { detail: "This route needs an API key.", headers });
      }
      if (!apiKeys.isLoaded) {
        throw new GatewayError("WG_AUTH_UNAVAILABLE", {
          cause: new Error("the API keys are not loaded yet"),
          headers: { "retry-after": "1" }
        });
      }
      if (key.length > MAX_KEY_BYTES) throw refusal("WG_TOKEN_INVALID", "the API key is too long");
      const known = apiKeys.get(hash("sha256", key, "hex"));
      if (!known) throw refusal("WG_TOKEN_INVALID", "the API key is unknown");
      if (now() >= known.acceptedUntil) throw refusal("WG_TOKEN_EXPIRED", "the API key has expired");
      return known.identity;
    },
    withhold(head) {
      takeHeader(head.headers, header);
    }
  };
}
export {
  createApiKeyAuthenticator
};

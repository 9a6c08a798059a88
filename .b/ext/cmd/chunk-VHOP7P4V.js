import {
  Type,
  createProblemFinder,
  membersOf
} from "./chunk-BMJZOWOK.js";
import {
  toReason
} from "./chunk-RHCDAQUY.js";

// config/kit/api-key-document.ts
var WORDS = Type.Array(Type.String({ minLength: 1, pattern: "^\\S+$", title: "one word" }));
var ApiKeyDocument = Type.Object(
  {
    owner: Type.String({ minLength: 1, maxLength: 255 }),
    scopes: Type.Optional(WORDS),
    roles: Type.Optional(WORDS),
    claims: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    expiresAt: Type.Optional(
      Type.String({
        pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z|[+-]\\d{2}:\\d{2})$",
        title: "a time such as 2030-01-31T12:00:00Z"
      })
    )
  },
  { additionalProperties: false, title: "API key" }
);
var findSchemaProblems = createProblemFinder(ApiKeyDocument);
function findApiKeyProblems(document) {
  const found = findSchemaProblems(document);
  const { expiresAt } = membersOf(document);
  if (found.length === 0 && expiresAt !== void 0 && Number.isNaN(Date.parse(String(expiresAt)))) {
    found.push({ path: ["expiresAt"], message: "is not an existing date and time" });
  }
  return found;
}
function parseApiKeyDocument(document) {
  const findings = findApiKeyProblems(document);
  if (findings.length === 0) return { document };
  return { reason: toReason(findings) };
}

export {
  findApiKeyProblems,
  parseApiKeyDocument
};

import {
  GRPC_STATUS,
  GRPC_STATUS_NAMES
} from "./chunk-BOMLGWJN.js";

// config/route/grpc-rule.ts
function toGrpcRule(written, defaults) {
  if (written === void 0) return ruleWithoutDocument(defaults);
  return completed(written, defaults);
}
var withoutDocument = /* @__PURE__ */ new WeakMap();
function ruleWithoutDocument(defaults) {
  let rule = withoutDocument.get(defaults);
  if (!rule) {
    rule = completed({}, defaults);
    withoutDocument.set(defaults, rule);
  }
  return rule;
}
function completed(written, defaults) {
  const { timeoutMs, maxTimeoutMs, retryOn, failures, idempotent = [], allow, web = true } = written;
  const { descriptors, bindings, rules, json } = written;
  return Object.freeze({
    timeoutMs,
    maxTimeoutMs: maxTimeoutMs ?? defaults.maxTimeoutMs ?? void 0,
    retryOn: numbersOf(retryOn ?? defaults.retryOn),
    retriesAll: retryOn !== void 0,
    failures: failures && numbersOf(failures),
    idempotent: Object.freeze([...idempotent]),
    allow: allow && Object.freeze([...allow]),
    web,
    isForJson: [descriptors, bindings, rules, json].some((field) => field !== void 0),
    descriptors,
    bindings,
    rules: rules && Object.freeze([...rules]),
    json: json === void 0 ? defaults.json : Object.freeze({ ...defaults.json, ...json })
  });
}
function numbersOf(names) {
  return Object.freeze(names.map((name) => GRPC_STATUS[name]));
}
function namesOf(numbers) {
  return numbers.map((number) => GRPC_STATUS_NAMES[number]);
}
function describeGrpc(rule, { grpc }, failures) {
  return {
    timeoutMs: rule?.timeoutMs ?? null,
    maxTimeoutMs: rule?.maxTimeoutMs ?? null,
    retryOn: rule ? namesOf(rule.retryOn) : grpc.retryOn,
    failures: failures ? namesOf(failures) : grpc.failures,
    idempotent: [...rule?.idempotent ?? []],
    allow: rule?.allow ? [...rule.allow] : ["*"],
    web: rule?.web ?? true,
    descriptors: rule?.descriptors ?? null,
    bindings: rule?.bindings ?? null,
    rules: [...rule?.rules ?? []],
    json: rule?.json ?? grpc.json
  };
}

export {
  toGrpcRule,
  numbersOf,
  describeGrpc
};

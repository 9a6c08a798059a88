import {
  decodeNodes,
  decodeRoute
} from "./chunk-AOOYSAYB.js";
import {
  checkPrefix,
  createSyncTransport,
  prefixRange,
  readAllPages,
  readPage,
  servicesPrefixes,
  storedKey
} from "./chunk-GTEM7YXI.js";
import {
  TOKEN_ERRORS,
  createEtcdClient,
  isLoopbackHost,
  parseEndpoint,
  plainReason
} from "./chunk-IFJ6OYLG.js";
import {
  ServiceIndex,
  parseRouteDocument
} from "./chunk-NAP6CZOG.js";
import "./chunk-TMRZJTRM.js";
import "./chunk-2SPISB4N.js";
import {
  compareKeys
} from "./chunk-4JDL6KNU.js";
import {
  etcdClientOptions
} from "./chunk-OQRN3LTU.js";
import {
  codecNamed
} from "./chunk-7RWYR7F7.js";
import "./chunk-I4CCY5YR.js";
import "./chunk-U4QRFBCZ.js";
import "./chunk-5QZTELKW.js";
import {
  loadConfig,
  routeContext
} from "./chunk-W3OD6L7X.js";
import {
  didYouMean
} from "./chunk-BMJZOWOK.js";
import "./chunk-RHCDAQUY.js";
import "./chunk-ORGHNJCV.js";
import "./chunk-MD4L36BR.js";
import {
  addressOf,
  laneOf
} from "./chunk-ZOIAUEOT.js";
import "./chunk-KXELJCG2.js";
import "./chunk-IOHFKSVH.js";
import "./chunk-2DEKI57A.js";
import "./chunk-3HIV7SU5.js";
import "./chunk-BOMLGWJN.js";
import "./chunk-BN4MFTCA.js";

// discovery/etcd/doctor/within.ts
var NotInTimeError = class extends Error {
  constructor(ms) {
    super(`no answer within ${ms / 1e3} s`);
  }
};
function within(ms, work) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NotInTimeError(ms)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

// discovery/etcd/doctor/connection-failure.ts
var CLIENT_CERTIFICATE = /ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERT|ACCESS_DENIED|HANDSHAKE_FAILURE)|ALERT_NO_CERT|HANDSHAKE_FAILURE/;
function explainConnection({ url, secure, host, port }, step, error, hasClientCertificate) {
  const { code = "" } = error;
  const message = error.message || code;
  if (error instanceof NotInTimeError) {
    return step === "tcp" ? {
      message: `cannot connect to ${url}: ${message}`,
      hint: `the machine is off, the address is wrong, or a firewall drops the packets to port ${port}`
    } : {
      message: `${url} accepts connections but does not answer: ${message} (${STEPS[step]})`,
      hint: "the process hangs or is stopped, or its disk or machine is overloaded; check it there, and restart it"
    };
  }
  if (code === "ECONNREFUSED") {
    return {
      message: `${url} refuses connections: nothing listens there`,
      hint: "start etcd, or correct the address; in a container, 127.0.0.1 is the container itself",
      code
    };
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return {
      message: `cannot connect to ${url}: there is no host ${host}`,
      hint: "correct the host name or the DNS settings of this machine",
      code
    };
  }
  if (step === "tcp") {
    return {
      message: `cannot connect to ${url}: ${message}`,
      hint: "check the address, and the network between this machine and etcd",
      code
    };
  }
  if (CLIENT_CERTIFICATE.test(code)) {
    return {
      message: hasClientCertificate ? `${url} rejects our client certificate (${code})` : `${url} requires a client certificate (${code})`,
      hint: hasClientCertificate ? "etcd.cert must be signed by an authority in etcd's --trusted-ca-file, currently valid, and meant for client use" : "set WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY (etcd.cert and etcd.key) to a certificate that etcd trusts and its key",
      code
    };
  }
  if (step === "tls") {
    return {
      message: `${url} does not speak TLS (${code || message})`,
      hint: "if this etcd has no TLS, use http:// instead of https://",
      code
    };
  }
  if (secure && (code === "" || code === "ECONNRESET")) {
    return {
      message: `${url} closes the connection after the TLS handshake`,
      hint: hasClientCertificate ? "it may reject our client certificate (etcd.cert); see the log of etcd" : "it may require a client certificate (etcd.cert and etcd.key), or may not be etcd's client port, usually 2379",
      code
    };
  }
  return {
    message: `${url} does not speak gRPC (${code || message})`,
    hint: `${secure ? "" : "if this etcd has TLS, use https:// instead of http://; "}etcd's client port is usually 2379, its peer port 2380`,
    code
  };
}
var STEPS = {
  tcp: "connecting",
  tls: "TLS handshake",
  http2: "HTTP/2 handshake",
  grpc: "first call"
};
function explainCertificate({ url, host }, code, certificate, hasAuthority) {
  const { subject, issuer, names, validFrom, validTo } = certificate;
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return {
        message: `${url} has a certificate that expired on ${validTo}`,
        hint: "renew the certificate of etcd, or correct the clock of this machine",
        code
      };
    case "CERT_NOT_YET_VALID":
      return {
        message: `${url} has a certificate that is not valid before ${validFrom}`,
        hint: "correct the clock of this machine, or of the machine that issued the certificate",
        code
      };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return {
        message: `${url} has a certificate for ${names || subject}, not for ${host}`,
        hint: `use a name that the certificate is valid for, or add ${host} to its subject alternative names`,
        code
      };
    default:
      return {
        message: `${url} has a certificate from ${issuer} that is not trusted here (${code})`,
        hint: hasAuthority ? "WAYGATE_ETCD_CA (etcd.ca) must contain the authority that signed the certificate of etcd" : "set WAYGATE_ETCD_CA (etcd.ca) to the file of the authority that signed it",
        code
      };
  }
}

// discovery/etcd/doctor/finding.ts
var CHECKS = [
  "configuration",
  "connection",
  "version",
  "cluster",
  "members",
  "space",
  "authentication",
  "leases",
  "nodes",
  "routes",
  "watch",
  "writing"
];
var MAX_ITEMS = 20;
function listed(items, max = MAX_ITEMS) {
  return items.length > max ? { items: items.slice(0, max), more: items.length - max } : { items };
}
function quantity(number, singular, plural = `${singular}s`) {
  return `${number} ${number === 1 ? singular : plural}`;
}
function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
function duration(ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

// discovery/etcd/doctor/probe.ts
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, isIP } from "node:net";
import { checkServerIdentity, connect as connectTls } from "node:tls";
var UntrustedError = class extends Error {
  failure;
  constructor(failure) {
    super(failure.message);
    this.failure = failure;
  }
};
async function probe(endpoint, tls, withinMs) {
  const open = [];
  let step = "tcp";
  const steps = async () => {
    let socket = await tcp(endpoint, open);
    if (endpoint.secure) {
      step = "tls";
      socket = await handshake(endpoint, socket, tls ?? {}, open);
    }
    step = "http2";
    await settings(endpoint, socket, open);
  };
  try {
    await within(withinMs, steps());
    return void 0;
  } catch (error) {
    if (error instanceof UntrustedError) return error.failure;
    return explainConnection(endpoint, step, error, tls?.cert !== void 0);
  } finally {
    for (const each of open.reverse()) each.destroy();
  }
}
function tcp({ host, port }, open) {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port });
    open.push(socket);
    socket.on("error", reject).once("connect", () => resolve(socket));
  });
}
function handshake(endpoint, socket, tls, open) {
  const { host } = endpoint;
  return new Promise((resolve, reject) => {
    const secured = connectTls({
      socket,
      ...tls,
      ALPNProtocols: ["h2"],
      // RFC 6066 section 3 does not allow an address as the server name.
      ...isIP(host) === 0 && { servername: host },
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      // The certificate is judged below, where it can be inspected. Nothing is sent before that.
      rejectUnauthorized: false
    });
    open.push(secured);
    secured.on("error", reject).once("close", () => reject(new Error("the connection was closed")));
    secured.once("secureConnect", () => {
      const { authorized, authorizationError } = secured;
      if (authorized) resolve(secured);
      else {
        const certificate = shown(secured.getPeerCertificate());
        const code = String(authorizationError.code ?? authorizationError);
        reject(new UntrustedError(explainCertificate(endpoint, code, certificate, tls.ca !== void 0)));
      }
    });
  });
}
function settings({ url }, socket, open) {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url, { createConnection: () => socket });
    open.push(session);
    session.on("error", reject);
    socket.on("error", reject);
    session.once("close", () => reject(new Error("the connection was closed")));
    session.once("remoteSettings", () => resolve());
  });
}
function shown({ subject, issuer, subjectaltname, valid_from, valid_to }) {
  return {
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    names: subjectaltname ?? "",
    validFrom: valid_from,
    validTo: valid_to
  };
}
function nameOf(name) {
  return String(name?.CN ?? name?.O ?? "an unnamed authority");
}

// discovery/etcd/doctor/refusal.ts
import {
  EtcdPermissionDeniedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCNotImplementedError,
  GRPCUnavailableError
} from "etcd3";
var FOREIGN = /HTTP status code|unknown service|unimplemented service/i;
function refusalOf(error) {
  const reason = refusalReason(error);
  if (FOREIGN.test(reason)) return { kind: "foreign", reason };
  if (error instanceof EtcdPermissionDeniedError) return { kind: "denied", reason };
  if (TOKEN_ERRORS.some((text) => reason.includes(text))) return { kind: "user", reason };
  if (error instanceof GRPCNotImplementedError) return { kind: "unknown", reason };
  if (error instanceof NotInTimeError || error instanceof GRPCDeadlineExceededError || error instanceof GRPCUnavailableError || error instanceof GRPCCancelledError) {
    return { kind: "silent", reason };
  }
  return { kind: "failed", reason };
}
function refusalReason(error) {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof GRPCDeadlineExceededError) return "no answer in time";
  return plainReason(error.message);
}

// discovery/etcd/doctor/endpoint.ts
var SLOW_MS = 250;
async function checkEndpoint(options) {
  const { endpoint, tls, client, connectMs } = options;
  const { url } = endpoint;
  const failure = await probe(endpoint, tls, connectMs);
  if (failure) return unusable(url, failure);
  const callMs = options.callMs();
  const first = await readStatus(client, url, callMs);
  if ("refusal" in first && first.refusal.kind === "silent" && !hasNoLeader(first.refusal)) {
    const error = new NotInTimeError(callMs);
    return unusable(url, explainConnection(endpoint, "grpc", error, tls?.cert !== void 0));
  }
  if ("refusal" in first && first.refusal.kind === "foreign") {
    return unusable(url, {
      message: `${url} answers, but is not etcd: ${first.refusal.reason}`,
      hint: "correct the address; a proxy in between must pass gRPC through unchanged"
    });
  }
  const startedAt = performance.now();
  const again = await readStatus(client, url, options.callMs());
  const tripMs = performance.now() - startedAt;
  const result = "status" in again ? again : first;
  const details = { endpoint: url, roundTripMs: Math.round(tripMs * 100) / 100 };
  const message = `${url} answers in ${duration(tripMs)}`;
  const findings = [
    tripMs < SLOW_MS ? { check: "connection", level: "ok", message, details } : {
      check: "connection",
      level: "warning",
      message: `${message}, which is slow`,
      hint: "check the network in between, and the load and the disk of that member",
      details
    }
  ];
  if ("refusal" in result) {
    const { refusal } = result;
    if (hasNoLeader(refusal)) findings.push(leaderless(url));
    else if (!isReserved(refusal)) {
      const message2 = `${url} does not report its version and state: ${refusal.reason}`;
      findings.push({ check: "version", level: "warning", message: message2, details: { endpoint: url } });
    }
  }
  return {
    url,
    usable: true,
    status: "status" in result ? result.status : void 0,
    isReserved: "refusal" in result && isReserved(result.refusal),
    findings
  };
}
async function readStatus(client, url, callMs) {
  try {
    const deadline = Date.now() + callMs;
    return { status: toStatus(url, await within(callMs, client.maintenance.status({ deadline }))) };
  } catch (error) {
    return { refusal: refusalOf(error) };
  }
}
function leaderless(url) {
  return {
    check: "cluster",
    level: "problem",
    message: `${url} sees no leader, so nothing can be read or written through it`,
    hint: "more than half of the members must run and reach each other on their peer ports, usually 2380",
    details: { endpoint: url }
  };
}
function hasNoLeader({ reason }) {
  return reason.includes("no leader");
}
function isReserved({ kind }) {
  return kind === "denied" || kind === "user";
}
function unusable(url, failure) {
  const { message, hint, code } = failure;
  const finding = {
    check: "connection",
    level: "problem",
    message,
    hint,
    details: { endpoint: url, ...code ? { code } : {} }
  };
  return { url, usable: false, status: void 0, isReserved: false, findings: [finding] };
}
function toStatus(url, response) {
  const { header, version, leader, raftIndex, raftAppliedIndex, dbSize, dbSizeInUse } = response;
  return {
    url,
    clusterId: header.cluster_id,
    memberId: header.member_id,
    leaderId: leader,
    version,
    raftIndex: Number(raftIndex),
    raftAppliedIndex: Number(raftAppliedIndex),
    dbSizeBytes: Number(dbSize),
    dbSizeInUseBytes: Number(dbSizeInUse),
    isLearner: response.isLearner,
    errors: response.errors
  };
}

// discovery/etcd/doctor/cluster.ts
var OLDEST = [3, 4];
var NEWEST = [3, 7];
var MAX_LAG = 1e3;
var EMBEDDED = "+waygate";
function isEmbedded({ version }) {
  return version.endsWith(EMBEDDED);
}
function judgeVersions(statuses) {
  const versions = /* @__PURE__ */ new Map();
  for (const { version, url } of statuses) versions.set(version, [...versions.get(version) ?? [], url]);
  const findings = [...versions].flatMap(([version, urls]) => judgeVersion(version, urls));
  if (versions.size > 1) {
    findings.push({
      check: "version",
      level: "warning",
      message: `the members run different versions: ${[...versions.keys()].sort().join(", ")}`,
      hint: "finish the upgrade; until then the cluster behaves like the oldest version",
      details: { versions: Object.fromEntries(versions) }
    });
  }
  return findings;
}
function judgeVersion(version, urls) {
  const details = { version, endpoints: urls };
  if (isEmbedded({ version })) {
    return [
      {
        check: "version",
        level: "ok",
        message: "this is the embedded etcd of a Waygate process, which serves one machine and loses its data on exit",
        details
      }
    ];
  }
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  const found = [Number(major), Number(minor)];
  if (major === void 0 || compare(found, OLDEST) < 0) {
    return [
      {
        check: "version",
        level: "warning",
        message: `etcd ${version} is older than ${OLDEST.join(".")}, the oldest version that Waygate supports`,
        hint: "upgrade etcd, one minor version at a time",
        details
      }
    ];
  }
  if (compare(found, NEWEST) > 0) {
    return [
      {
        check: "version",
        level: "warning",
        message: `etcd ${version} is newer than ${NEWEST.join(".")}, the newest version that this Waygate knows`,
        hint: "it will probably work; check for a newer Waygate",
        details
      }
    ];
  }
  return [{ check: "version", level: "ok", message: `etcd ${version}`, details }];
}
function judgeCluster(statuses) {
  const [first] = statuses;
  if (!first) return [];
  const findings = [];
  const clusters = /* @__PURE__ */ new Map();
  for (const { clusterId, url } of statuses)
    clusters.set(clusterId, [...clusters.get(clusterId) ?? [], url]);
  if (clusters.size > 1) {
    const items = [...clusters].map(([id, urls]) => `cluster ${hex(id)}: ${urls.join(", ")}`);
    findings.push({
      check: "cluster",
      level: "problem",
      message: `the endpoints belong to ${clusters.size} different clusters`,
      hint: "configure the members of one cluster only; otherwise the data depends on which member answers",
      details: { items }
    });
  }
  findings.push(...statuses.filter(({ leaderId }) => leaderId === "0").map(({ url }) => leaderless(url)));
  for (const { url, isLearner } of statuses) {
    if (!isLearner) continue;
    findings.push({
      check: "cluster",
      level: "warning",
      message: `${url} is a learner, so it refuses most requests`,
      hint: "leave it out of --etcd until it is a voting member (etcdctl member promote)",
      details: { endpoint: url }
    });
  }
  if (clusters.size === 1) findings.push(...judgeLag(statuses));
  if (findings.length > 0) return findings;
  const leader = statuses.find(({ leaderId, memberId }) => leaderId === memberId);
  const who = leader ? `${leader.url} leads` : `member ${hex(first.leaderId)} leads`;
  return [
    {
      check: "cluster",
      level: "ok",
      message: `${quantity(statuses.length, "member")} of cluster ${hex(first.clusterId)}; ${who}`,
      details: { clusterId: hex(first.clusterId), leaderId: hex(first.leaderId) }
    }
  ];
}
function judgeLag(statuses) {
  const newest = Math.max(...statuses.map(({ raftIndex }) => raftIndex));
  return statuses.flatMap(({ url, raftIndex, raftAppliedIndex }) => {
    const behind = newest - raftIndex;
    const unapplied = raftIndex - raftAppliedIndex;
    if (behind <= MAX_LAG && unapplied <= MAX_LAG) return [];
    return [
      {
        check: "cluster",
        level: "warning",
        message: behind > MAX_LAG ? `${url} is ${behind} raft entries behind the others` : `${url} has not applied ${unapplied} of its raft entries yet`,
        hint: "check the disk, the load and the network of that member",
        details: { endpoint: url, behind, unapplied }
      }
    ];
  });
}
function hex(id) {
  return BigInt(id).toString(16);
}
function compare(a, b) {
  return a[0] - b[0] || a[1] - b[1];
}

// discovery/etcd/doctor/authentication.ts
async function checkAuthentication(options) {
  const { anonymous, client, user, password, prefix, isOpenNetwork } = options;
  const asked = await tryRead(anonymous, prefix);
  if (asked?.kind === "silent" || asked?.kind === "failed")
    return refused(`etcd cannot be read: ${asked.reason}`);
  const needsUser = asked !== void 0;
  if (user === void 0) {
    if (!needsUser) {
      return accepted("etcd has no authentication: everyone who can connect to it can change it", {});
    }
    return refused(
      `etcd requires a user, and none is configured (${asked.reason})`,
      "set WAYGATE_ETCD_USER and WAYGATE_ETCD_PASSWORD (etcd.user and etcd.password)"
    );
  }
  const name = JSON.stringify(user);
  const refusal = await tryToAuthenticate(anonymous, user, password ?? "");
  if (refusal) {
    if (/authentication is not enabled/.test(refusal.reason) || refusal.kind === "unknown") {
      const finding2 = {
        check: "authentication",
        level: "warning",
        message: `user ${name} is configured, but etcd has no authentication: everyone who can connect to it can change it`,
        hint: "enable authentication with etcdctl auth enable, or unset WAYGATE_ETCD_USER and WAYGATE_ETCD_PASSWORD",
        details: { user }
      };
      return { findings: [finding2], isAccepted: true };
    }
    const isWrong = /invalid user ID or password/.test(refusal.reason);
    return refused(
      `etcd does not accept user ${name}: ${refusal.reason}`,
      isWrong ? "correct WAYGATE_ETCD_USER and WAYGATE_ETCD_PASSWORD; see etcdctl user list and etcdctl user passwd" : "see the other findings first, then the log of etcd",
      { user }
    );
  }
  const read = await tryRead(client, prefix);
  if (read && read.kind !== "denied") {
    return refused(
      `etcd accepts user ${name}, but not the token that it issued: ${read.reason}`,
      "with --auth-token=jwt every member needs the same keys; check the clocks of the members too",
      { user }
    );
  }
  if (!isOpenNetwork) return accepted(`etcd accepts user ${name}`, { user });
  const finding = {
    check: "authentication",
    level: "warning",
    message: `etcd accepts user ${name}, but the password crosses the network as plain text`,
    hint: "enable TLS in etcd, and use https:// endpoints",
    details: { user }
  };
  return { findings: [finding], isAccepted: true };
}
async function tryRead(client, prefix) {
  try {
    await client.kv.range({ ...prefixRange(prefix), limit: 1, keys_only: true, serializable: true });
    return void 0;
  } catch (error) {
    return refusalOf(error);
  }
}
async function tryToAuthenticate(client, name, password) {
  try {
    await client.auth.authenticate({ name, password });
    return void 0;
  } catch (error) {
    return refusalOf(error);
  }
}
function accepted(message, details) {
  return { findings: [{ check: "authentication", level: "ok", message, details }], isAccepted: true };
}
function refused(message, hint, details) {
  return {
    findings: [{ check: "authentication", level: "problem", message, hint, details }],
    isAccepted: false
  };
}

// discovery/etcd/doctor/guard.ts
async function guard(check, look2, withinMs) {
  try {
    return await within(withinMs, look2());
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return [unfinished(check, error)];
  }
}
function unfinished(check, error) {
  const message = `${check} could not be checked: ${refusalReason(error)}`;
  const hint = error instanceof NotInTimeError ? "etcd or the network to it is overloaded or interrupted; see the other findings, and run the doctor again" : "see the other findings first";
  return { check, level: "problem", message, hint };
}

// discovery/etcd/doctor/key-leases.ts
var LONG_SECONDS = 5 * 60;
var MAX_LEASES = 200;
var AT_ONCE = 20;
var FEW = 5;
async function checkKeyLeases(client, keys) {
  const findings = [];
  const registered = keys.filter(({ nodes }) => nodes.length > 0);
  const servicesOf = ({ nodes }) => nodes.map(({ service }) => service);
  const leased = new Set(registered.filter(({ lease }) => lease !== void 0).flatMap(servicesOf));
  const unleased = registered.filter(({ lease }) => lease === void 0);
  const isLost = (key) => servicesOf(key).some((service) => leased.has(service));
  const lost = unleased.filter(isLost).map(({ key }) => key);
  if (lost.length > 0) {
    findings.push({
      check: "nodes",
      level: "warning",
      message: `${quantity(lost.length, "key")} of nodes ${lost.length === 1 ? "has" : "have"} no lease, although other keys of the same service have one, so these nodes stay when their process dies`,
      hint: "a put without a lease (etcdctl put) has dropped it: delete the key, and a node that is alive registers itself again; use etcdctl put --ignore-lease for such changes",
      details: listed(lost, FEW)
    });
  }
  const fixed = unleased.filter((key) => !isLost(key)).map(({ key }) => key);
  if (fixed.length > 0) {
    findings.push({
      check: "nodes",
      level: "warning",
      message: `${quantity(fixed.length, "key")} of nodes ${fixed.length === 1 ? "has" : "have"} no lease, so these nodes stay when their process dies`,
      hint: "correct for nodes that never move; otherwise register them with a lease (waygate register, or etcdctl put --lease)",
      details: listed(fixed, FEW)
    });
  }
  const keyOf = new Map(registered.flatMap(({ lease, key }) => lease === void 0 ? [] : [[lease, key]]));
  const leases = [...keyOf.keys()];
  const long = [];
  for (let from = 0; from < Math.min(leases.length, MAX_LEASES); from += AT_ONCE) {
    await Promise.all(
      leases.slice(from, Math.min(from + AT_ONCE, MAX_LEASES)).map(async (lease) => {
        const { grantedTTL } = await client.leaseClient.leaseTimeToLive({ ID: lease });
        if (Number(grantedTTL) > LONG_SECONDS) long.push(`${keyOf.get(lease)}: ${grantedTTL} s`);
      })
    );
  }
  if (long.length > 0) {
    const looked = leases.length > MAX_LEASES ? ` (of ${MAX_LEASES} of ${leases.length} leases)` : "";
    findings.push({
      check: "nodes",
      level: "warning",
      message: `${quantity(long.length, "lease")} of nodes ${long.length === 1 ? "lasts" : "last"} longer than ${LONG_SECONDS / 60} minutes${looked}, so these nodes stay that long when their process dies`,
      hint: "register with a lease of about 10 s, and renew it",
      details: listed(long.sort(), FEW)
    });
  }
  return findings;
}

// discovery/etcd/doctor/nodes.ts
function readNodeKeys({ prefix, format = "auto", service }, content) {
  const codec = codecNamed(format);
  return content.keys.map((item) => {
    const { key, lease } = item;
    const entry = decodeNodes(codec, prefix, service, item);
    if (entry.kind === "nodes") return { key, lease, nodes: entry.nodes, problem: void 0 };
    return { key, lease, nodes: [], problem: entry.kind === "problem" ? entry.reason : "is not a node" };
  });
}
function judgePrefix(prefix, { bytes, revision, tookMs }, keys) {
  const nodes = keys.flatMap((key) => key.nodes);
  const services = new Set(nodes.map((node) => node.service));
  const what = `${quantity(keys.length, "key")} with ${quantity(nodes.length, "node")} of ${quantity(services.size, "service")}`;
  const findings = [
    {
      check: "nodes",
      level: "ok",
      message: `${prefix} has ${what}: ${size(bytes)} at revision ${revision}, read in ${duration(tookMs)}`,
      details: {
        prefix,
        keys: keys.length,
        nodes: nodes.length,
        services: services.size,
        bytes,
        revision: String(revision),
        tookMs: Math.round(tookMs * 10) / 10
      }
    }
  ];
  const bad = keys.flatMap(({ key, problem }) => problem === void 0 ? [] : [`${key}: ${problem}`]);
  if (bad.length > 0) {
    findings.push({
      check: "nodes",
      level: "problem",
      message: `${quantity(bad.length, "value")} below ${prefix} ${bad.length === 1 ? "is" : "are"} not used`,
      hint: "correct or delete these keys; discovery.format sets the format of the values",
      details: listed(bad)
    });
  }
  return findings;
}
function judgeServices(keys, context) {
  const { duplicates, services } = gather(keys);
  const findings = [];
  if (duplicates.length > 0) {
    findings.push({
      check: "nodes",
      level: "problem",
      message: `${quantity(duplicates.length, "key")} ${duplicates.length === 1 ? "has a node" : "have nodes"} whose id another key already uses, so ${duplicates.length === 1 ? "it is" : "they are"} not used`,
      hint: "give every node of a service its own id",
      details: listed(duplicates)
    });
  }
  const shared = [...services].flatMap(([service, nodes]) => sharedAddresses(service, nodes));
  if (shared.length > 0) {
    findings.push({
      check: "nodes",
      level: "warning",
      message: `${quantity(shared.length, "address is", "addresses are")} registered more than once in a service`,
      hint: "each gets the share of two nodes; delete the key of the registration that is no longer valid",
      details: listed(shared)
    });
  }
  const local = [...services.values()].flat().filter(({ host }) => isLoopbackHost(host));
  if (context.isRemote && local.length > 0) {
    findings.push({
      check: "nodes",
      level: "warning",
      message: `${quantity(local.length, "node")} ${local.length === 1 ? "is" : "are"} at a loopback address, but etcd is on another machine`,
      hint: "only a gateway on the same machine can reach such a node; register an address that other machines can reach",
      details: listed(local.map((node) => `${node.service}/${node.id} at ${addressOf(node)}`))
    });
  }
  const idle = unusable2(keys, services, context);
  if (idle.length > 0) {
    findings.push({
      check: "nodes",
      level: "warning",
      message: `${quantity(idle.length, "service has", "services have")} no node that gets requests`,
      hint: "clients of such a service get 503; start a node, or give one a weight above 0",
      details: listed(idle)
    });
  }
  return findings;
}
function gather(keys) {
  const byKey = new Map(keys.map(({ key, nodes }) => [key, nodes]));
  const index = new ServiceIndex((key) => byKey.get(key) ?? []);
  const touched = /* @__PURE__ */ new Set();
  for (const { key, nodes } of keys) index.move(key, [], nodes, touched);
  for (const service of touched) index.gather(service);
  const duplicates = [...index.duplicates()].sort(([a], [b]) => compareKeys(a, b)).map(([key, reason]) => `${key}: ${reason}`);
  return { duplicates, services: index.services };
}
function sharedAddresses(service, nodes) {
  const ids = /* @__PURE__ */ new Map();
  for (const node of nodes) ids.set(addressOf(node), [...ids.get(addressOf(node)) ?? [], node.id]);
  return [...ids].flatMap(
    ([address, same]) => same.length > 1 ? [`${service}: ${same.join(" and ")} at ${address}`] : []
  );
}
function unusable2(keys, services, { prefixes }) {
  const reasons = /* @__PURE__ */ new Map();
  for (const { key, problem } of keys) {
    const service = problem === void 0 ? void 0 : serviceIn(key, prefixes);
    if (service !== void 0 && !services.has(service)) reasons.set(service, "its values are not used");
  }
  for (const [service, nodes] of services) {
    const speaking = nodes.filter((node) => laneOf(node) !== void 0);
    if (speaking.length === 0) reasons.set(service, "its nodes speak neither HTTP nor gRPC");
    else if (speaking.every((node) => node.weight === 0)) reasons.set(service, "its nodes have weight 0");
  }
  return [...reasons].map(([service, reason]) => `${service}: ${reason}`).sort(compareKeys);
}
function serviceIn(key, prefixes) {
  const source = prefixes.find(({ prefix }) => key.startsWith(prefix));
  if (source?.service !== void 0) return source.service;
  const [service, ...rest] = key.slice(source?.prefix.length ?? 0).split("/");
  return source && rest.length > 0 && service ? service : void 0;
}

// discovery/etcd/doctor/read-prefix.ts
var PAGE_SIZE = 1e3;
async function readPrefix(client, prefix, signal) {
  const startedAt = performance.now();
  const range = prefixRange(prefix);
  const keys = [];
  let bytes = 0;
  const { revision } = await readAllPages({
    async read(request) {
      signal.throwIfAborted();
      return readPage(client, range, request);
    },
    limit: PAGE_SIZE,
    take(item) {
      bytes += item.key.length + item.value.length;
      keys.push(storedKey(item));
    }
  });
  return { keys, revision, bytes, tookMs: performance.now() - startedAt };
}

// discovery/etcd/doctor/routes.ts
function judgeRoutes(prefix, content, context) {
  const { bytes, revision, tookMs, keys } = content;
  const routes = [];
  const bad = [];
  for (const item of keys) {
    const read = readDocument(prefix, item, context.parseRoute);
    if ("route" in read) routes.push(read.route);
    else bad.push(`${item.key}: ${read.reason}`);
  }
  const details = { prefix, keys: keys.length, bytes, revision: String(revision) };
  const inFile = context.fileRoutes.length > 0 ? `, ${context.fileRoutes.length} more in the configuration` : "";
  const findings = [
    {
      check: "routes",
      level: "ok",
      message: `${prefix} has ${quantity(keys.length, "route document")}${inFile}: ${size(bytes)} at revision ${revision}, read in ${duration(tookMs)}`,
      details
    }
  ];
  if (bad.length > 0) {
    findings.push({
      check: "routes",
      level: "problem",
      message: `${quantity(bad.length, "route document")} below ${prefix} ${bad.length === 1 ? "is" : "are"} not used`,
      hint: "correct or delete these keys; waygate check FILE validates a document beforehand",
      details: listed(bad)
    });
  }
  const ids = new Set(routes.map(({ id }) => id));
  const all = [...routes, ...context.fileRoutes.filter(({ id }) => !ids.has(id))];
  return [...findings, ...judgeTargets(all, context), ...judgeShadows(all)];
}
function readDocument(prefix, item, parseRoute) {
  const entry = decodeRoute(prefix, item);
  if (entry.kind !== "route") return { reason: entry.kind === "problem" ? entry.reason : "is not a route" };
  try {
    return parseRoute(entry.id, entry.document);
  } catch (error) {
    return { reason: `document cannot be read (${String(error)})` };
  }
}
function judgeTargets(routes, { services, guess = () => "" }) {
  if (!services) return [];
  const nowhere = routes.flatMap(({ id, service, fallback }) => {
    const named = fallback?.type === "service" ? [service, fallback.service] : [service];
    return named.filter((name) => !services.has(name)).map((name) => `${id}: ${name}${guess(name, services)}`);
  });
  if (nowhere.length === 0) return [];
  return [
    {
      check: "routes",
      level: "warning",
      message: `${quantity(nowhere.length, "route names a service", "routes name services")} without a node`,
      hint: "start a node of that service, or correct its name in the document",
      details: listed(nowhere.sort(compareKeys))
    }
  ];
}
function judgeShadows(routes) {
  const hidden = routes.flatMap((route) => {
    const winner = routes.find((other) => hides(other, route));
    return winner ? [`${route.id} (${route.path}): ${winner.id} takes all of its requests`] : [];
  });
  if (hidden.length === 0) return [];
  return [
    {
      check: "routes",
      level: "warning",
      message: `${quantity(hidden.length, "route is", "routes are")} never used: another has the same path, hosts and methods`,
      hint: "delete one of the two, or make them differ; between equal routes the higher priority wins, then the smaller id",
      details: listed(hidden.sort(compareKeys))
    }
  ];
}
function hides(other, route) {
  if (other === route || placeOf(other) !== placeOf(route)) return false;
  if (other.methods && !(route.methods?.every((method) => other.methods?.includes(method)) ?? false))
    return false;
  return other.priority === route.priority ? compareKeys(other.id, route.id) < 0 : other.priority > route.priority;
}
function placeOf({ path, hosts }) {
  return `${path.replace(/:[^/]+/g, ":")} ${hosts ? [...hosts].sort().join() : ""}`;
}

// discovery/etcd/doctor/keys.ts
var KEY_LEASES_MS = 500;
async function checkKeys(client, options) {
  const { sources, routesPrefix, parseRoute, fileRoutes, guess, isRemote, withinMs } = options;
  const readMs = withinMs - KEY_LEASES_MS;
  const ending = AbortSignal.timeout(readMs);
  const findings = [];
  const readOrTell = async (check, prefix) => {
    try {
      return await within(readMs, readPrefix(client, prefix, ending));
    } catch (error) {
      findings.push(unreadable(check, prefix, error));
      return void 0;
    }
  };
  const [routes, ...contents] = await Promise.all([
    readOrTell("routes", routesPrefix),
    ...sources.map(({ prefix }) => readOrTell("nodes", prefix))
  ]);
  const keys = [];
  for (const [index, source] of sources.entries()) {
    const content = contents[index];
    if (!content) continue;
    try {
      const read = readNodeKeys(source, content);
      keys.push(...read);
      findings.push(...judgePrefix(source.prefix, content, read));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      findings.push({
        check: "configuration",
        level: "problem",
        message: `${source.prefix}: ${error.message}`
      });
    }
  }
  findings.push(...await guard("nodes", () => checkKeyLeases(client, keys), KEY_LEASES_MS));
  const prefixes = sources.map(({ prefix, service }) => ({ prefix, service }));
  findings.push(...judgeServices(keys, { prefixes, isRemote }));
  if (routes) {
    const isWhole = contents.every((content) => content !== void 0);
    const services = new Set(keys.flatMap(({ nodes }) => nodes.map((node) => node.service)));
    findings.push(
      ...judgeRoutes(routesPrefix, routes, {
        parseRoute,
        fileRoutes,
        guess,
        services: isWhole ? services : void 0
      })
    );
  }
  return findings;
}
function unreadable(check, prefix, error) {
  const { kind, reason } = refusalOf(error);
  return {
    check,
    level: "problem",
    message: `${prefix} cannot be read: ${reason}`,
    hint: kind === "denied" ? `etcdctl role grant-permission ROLE --prefix=true read ${prefix}` : "reading needs a leader and a majority of members; see the other findings first",
    details: { prefix }
  };
}

// discovery/etcd/doctor/lease-clock.ts
import { setTimeout as delay } from "node:timers/promises";
var TTL_SECONDS = 6;
var POLL_MS = 50;
var TOLERANCE = 0.2;
var SLOW_MS2 = 1e3 * (1 + TOLERANCE);
var FAST_MS = 1e3 * (1 - TOLERANCE);
var SYSTEM_TIMES = { now: () => performance.now(), sleep: delay, patienceMs: 2750 };
function leaseCalls(client) {
  return {
    async grant(ttlSeconds) {
      const { ID, TTL } = await client.leaseClient.leaseGrant({ TTL: ttlSeconds });
      return { id: ID, ttlSeconds: Number(TTL) };
    },
    async remaining(id) {
      return Number((await client.leaseClient.leaseTimeToLive({ ID: id })).TTL);
    },
    revoke: (id) => client.leaseClient.leaseRevoke({ ID: id })
  };
}
async function checkLeases(calls, times = SYSTEM_TIMES) {
  try {
    const { id, ttlSeconds } = await calls.grant(TTL_SECONDS);
    try {
      const measured = await measure(calls, id, times);
      return [...judgeTtl(ttlSeconds), ...judgeClock(measured)];
    } finally {
      await calls.revoke(id).catch(() => {
      });
    }
  } catch (error) {
    const { kind, reason } = refusalOf(error);
    if (kind === "denied") {
      return [{ check: "leases", level: "skipped", message: `this user may not request a lease: ${reason}` }];
    }
    return [
      {
        check: "leases",
        level: "problem",
        message: `etcd grants no lease, so no node can register: ${reason}`,
        hint: reason.includes("space exceeded") ? "free space as described in the finding about space" : "leases need a leader and a majority of members; see the other findings first"
      }
    ];
  }
}
async function measure(calls, id, { now, sleep, patienceMs }) {
  const startedAt = now();
  let quietSince = Number.POSITIVE_INFINITY;
  let first;
  let before;
  while (now() - startedAt < patienceMs) {
    const askedAt = now();
    const seconds = await calls.remaining(id);
    if (seconds < 0) return "ended";
    if (!before) quietSince = now();
    if (before && seconds < before.seconds) {
      const fall = { seconds, from: before.askedAt, to: now() };
      if (first) {
        const passed = first.seconds - seconds;
        return {
          atLeastMs: Math.max(0, fall.from - first.to) / passed,
          atMostMs: (fall.to - first.from) / passed
        };
      }
      first = fall;
      quietSince = fall.to;
    }
    before = { seconds, askedAt };
    await sleep(POLL_MS);
  }
  const quietMs = (before?.askedAt ?? 0) - quietSince;
  return quietMs > SLOW_MS2 ? { atLeastMs: quietMs, atMostMs: Number.POSITIVE_INFINITY } : "unknown";
}
function judgeTtl(granted) {
  if (granted <= TTL_SECONDS) return [];
  return [
    {
      check: "leases",
      level: "warning",
      message: `etcd grants ${granted} s for leases of ${TTL_SECONDS} s, so a node that dies stays in the table longer`,
      hint: "etcd's --election-timeout is long; leases last at least one and a half times as long",
      details: { askedSeconds: TTL_SECONDS, grantedSeconds: granted }
    }
  ];
}
function judgeClock(measured) {
  if (measured === "unknown") {
    const message2 = "leases are granted, but their clock could not be compared with ours, because answers take too long";
    return [{ check: "leases", level: "skipped", message: message2 }];
  }
  const hint = "check whether the machine of etcd, or this one, is overloaded or was suspended";
  if (measured === "ended") {
    const message2 = `a lease expired before its ${TTL_SECONDS} s were over`;
    return [{ check: "leases", level: "warning", message: message2, hint }];
  }
  const [atLeastMs, atMostMs] = [Math.round(measured.atLeastMs), Math.round(measured.atMostMs)];
  const details = { secondAtLeastMs: atLeastMs, secondAtMostMs: Number.isFinite(atMostMs) ? atMostMs : null };
  const slow = atLeastMs > SLOW_MS2;
  if (!slow && atMostMs >= FAST_MS) {
    const message2 = "leases are granted, and count down in step with our clock";
    return [{ check: "leases", level: "ok", message: message2, details }];
  }
  const took = slow ? `at least ${atLeastMs} ms` : `at most ${atMostMs} ms`;
  const message = `a second of a lease takes ${took} on our clock, so leases expire too ${slow ? "late" : "early"}`;
  return [{ check: "leases", level: "warning", message, hint, details }];
}

// discovery/etcd/doctor/members.ts
async function checkMembers(client, endpoints, statuses) {
  try {
    const { members } = await client.cluster.memberList({});
    const listed2 = members.map(({ ID, name, clientURLs }) => ({ id: ID, name, clientUrls: clientURLs }));
    return judgeMembers(listed2, endpoints, statuses);
  } catch (error) {
    const { kind, reason } = refusalOf(error);
    const message = `the members of the cluster cannot be listed: ${reason}`;
    if (kind === "silent" || kind === "failed") {
      return [
        {
          check: "members",
          level: "problem",
          message,
          hint: "see the other findings, and run the doctor again"
        }
      ];
    }
    return [{ check: "members", level: "skipped", message }];
  }
}
function judgeMembers(members, endpoints, statuses) {
  const seen = new Set(statuses.map(({ memberId }) => memberId));
  const configured = new Set(endpoints.map(placeOf2));
  const isConfigured = ({ id, clientUrls }) => seen.has(id) || clientUrls.some((url) => configured.has(placeOf2(url)));
  const findings = members.filter((member) => member.name !== "" && !isConfigured(member)).map(
    ({ id, name, clientUrls }) => ({
      check: "members",
      level: "warning",
      message: `member ${name} (${clientUrls.join(", ") || "no client URL"}) is not among the configured endpoints`,
      hint: "list every member, so that any of them may fail; ignore this if an endpoint stands for several members",
      details: { member: hex(id), name, clientUrls }
    })
  );
  for (const { id } of members.filter(({ name }) => name === "")) {
    findings.push({
      check: "members",
      level: "warning",
      message: `member ${hex(id)} was added to the cluster, but has never been started`,
      hint: "start it, or remove it with etcdctl member remove, because it counts for the majority",
      details: { member: hex(id) }
    });
  }
  if (findings.length > 0) return findings;
  const message = `${quantity(members.length, "member")} in the cluster, all of them configured`;
  return [{ check: "members", level: "ok", message, details: { members: members.map(({ name }) => name) } }];
}
function placeOf2(url) {
  try {
    const { host, port } = parseEndpoint(url);
    return `${host.toLowerCase().replace(/^localhost$/, "127.0.0.1")} ${port}`;
  } catch {
    return url;
  }
}

// discovery/etcd/doctor/quota.ts
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { isIP as isIP2 } from "node:net";
import { checkServerIdentity as checkServerIdentity2 } from "node:tls";
var MAX_BYTES = 4 << 20;
function readQuota({ secure, host, port }, tls, withinMs) {
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      path: "/metrics",
      agent: false,
      signal: AbortSignal.timeout(withinMs),
      ...secure && {
        ...tls,
        ...isIP2(host) === 0 && { servername: host },
        checkServerIdentity: (_, certificate) => checkServerIdentity2(host, certificate)
      }
    };
    const request = (secure ? getHttps : getHttp)(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
        if (text.length > MAX_BYTES) response.destroy();
      });
      response.on("error", () => resolve(void 0));
      response.on("close", () => resolve(quotaIn(text)));
    });
    request.on("error", () => resolve(void 0));
  });
}
function quotaIn(metrics) {
  const [, number] = /^etcd_server_quota_backend_bytes (\S+)$/m.exec(metrics) ?? [];
  const quota = Number(number);
  return quota > 0 ? quota : void 0;
}

// discovery/etcd/doctor/space.ts
var DEFAULT_QUOTA_BYTES = 2 * 2 ** 30;
var NEARLY_FULL = 0.8;
async function checkSpace(client, spaces) {
  try {
    const { alarms } = await client.maintenance.alarm({});
    const raised = alarms.map(({ memberID, alarm }) => ({
      memberId: memberID,
      kind: String(alarm).toUpperCase()
    }));
    return judgeSpace(spaces, raised);
  } catch (error) {
    const { kind, reason } = refusalOf(error);
    const reported = statusAlarms(spaces);
    if (reported.length > 0 || kind === "denied" || kind === "user" || kind === "unknown") {
      const skipped = {
        check: "space",
        level: "skipped",
        message: `this user may not see the alarms of the cluster: ${reason}`
      };
      return [...judgeSpace(spaces, reported), skipped];
    }
    return [
      ...judgeSpace(spaces, []),
      { check: "space", level: "problem", message: `the alarms of the cluster cannot be read: ${reason}` }
    ];
  }
}
function statusAlarms(statuses) {
  return statuses.flatMap(
    ({ memberId, errors }) => errors.flatMap((error) => {
      const [, kind] = /\balarm:\s*(\w+)/.exec(error) ?? [];
      return kind === void 0 ? [] : { memberId, kind };
    })
  );
}
function judgeSpace(spaces, alarms) {
  const nameOf2 = (memberId) => spaces.find((member) => member.memberId === memberId)?.url ?? `member ${hex(memberId)}`;
  const findings = alarms.map(({ memberId, kind }) => alarmFinding(nameOf2(memberId), kind));
  for (const member of spaces) {
    const { url, dbSizeBytes, dbSizeInUseBytes, quotaBytes } = member;
    const limit2 = quotaBytes ?? DEFAULT_QUOTA_BYTES;
    if (dbSizeBytes < NEARLY_FULL * limit2) continue;
    const known = quotaBytes === void 0 ? `${size(limit2)} if its quota is the default` : size(limit2);
    const reusable = dbSizeBytes - dbSizeInUseBytes;
    findings.push({
      check: "space",
      level: "warning",
      message: `the database of ${url} has ${size(dbSizeBytes)} of at most ${known}; when it is full, etcd accepts no more writes`,
      hint: dbSizeInUseBytes > 0 && reusable > dbSizeBytes / 2 ? `${size(reusable)} of it is free; run etcdctl defrag, one member after the other` : "run etcdctl compact, then etcdctl defrag, one member after the other; set --auto-compaction-retention, or a larger --quota-backend-bytes",
      details: { endpoint: url, dbSizeBytes, dbSizeInUseBytes, quotaBytes }
    });
  }
  if (findings.length > 0 || spaces.length === 0) return findings;
  const largest = spaces.reduce((a, b) => b.dbSizeBytes > a.dbSizeBytes ? b : a);
  const limit = largest.quotaBytes === void 0 ? "" : ` of at most ${size(largest.quotaBytes)}`;
  return [
    {
      check: "space",
      level: "ok",
      message: `no alarms; the database has ${size(largest.dbSizeBytes)}${limit}`,
      details: { dbSizeBytes: largest.dbSizeBytes, quotaBytes: largest.quotaBytes }
    }
  ];
}
function alarmFinding(member, kind) {
  const details = { member, alarm: kind };
  if (kind === "NOSPACE") {
    return {
      check: "space",
      level: "problem",
      message: `${member} is out of space (alarm NOSPACE), so etcd accepts no writes and no node can register`,
      hint: "run etcdctl compact, etcdctl defrag on every member, then etcdctl alarm disarm; set --auto-compaction-retention, or a larger --quota-backend-bytes",
      details
    };
  }
  if (kind === "CORRUPT") {
    return {
      check: "space",
      level: "problem",
      message: `${member} differs from the other members (alarm CORRUPT)`,
      hint: "replace that member with an empty one, or restore the cluster from a backup",
      details
    };
  }
  return { check: "space", level: "problem", message: `${member} has raised the alarm ${kind}`, details };
}

// discovery/etcd/doctor/watch.ts
async function checkWatches(client, prefixes, withinMs) {
  const results = await Promise.all(prefixes.map((prefix) => openOnce(client, prefix, withinMs)));
  const failed = results.filter(({ reason }) => reason !== void 0);
  if (failed.length > 0) {
    return failed.map(({ prefix, reason = "" }) => ({
      check: "watch",
      level: "problem",
      message: `changes below ${prefix} cannot be followed: ${reason}`,
      hint: reason.includes("permission denied") ? `etcdctl role grant-permission ROLE --prefix=true read ${prefix}` : "see the other findings first; a proxy between here and etcd must let streams stay open",
      details: { prefix }
    }));
  }
  const slowest = Math.max(...results.map(({ tookMs }) => tookMs));
  return [
    {
      check: "watch",
      level: "ok",
      message: `changes below ${prefixes.join(", ")} can be followed; the watches began within ${duration(slowest)}`,
      details: { prefixes, tookMs: Math.round(slowest * 10) / 10 }
    }
  ];
}
async function openOnce(client, prefix, withinMs) {
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers();
  const stream = createSyncTransport(client, prefix).watch(0n, {
    onMessage({ created, canceled, cancelReason }) {
      if (canceled) resolve(cancelReason || "etcd ended the watch");
      else if (created) resolve(void 0);
    },
    onEnd: (reason2) => resolve(refusalReason(reason2))
  });
  const reason = await within(withinMs, promise).catch((error) => error.message);
  stream.close(false);
  return { prefix, reason, tookMs: performance.now() - startedAt };
}

// discovery/etcd/doctor/write-check.ts
import { randomUUID } from "node:crypto";
var TTL_SECONDS2 = 6;
var VALUE = '{"nodes":[]}';
async function checkWriting(client, prefix) {
  const key = Buffer.from(`${prefix}.waygate-doctor/${randomUUID()}`);
  const startedAt = performance.now();
  let lease;
  try {
    lease = (await client.leaseClient.leaseGrant({ TTL: TTL_SECONDS2 })).ID;
    await client.kv.put({ key, value: Buffer.from(VALUE), lease });
    await client.kv.deleteRange({ key });
    const tookMs = performance.now() - startedAt;
    return [
      {
        check: "writing",
        level: "ok",
        message: `a key below ${prefix} was written and deleted in ${duration(tookMs)}`,
        details: { prefix, tookMs: Math.round(tookMs * 10) / 10 }
      }
    ];
  } catch (error) {
    const { kind, reason } = refusalOf(error);
    return [
      {
        check: "writing",
        level: "problem",
        message: `no key below ${prefix} can be written, so no node can register from here: ${reason}`,
        hint: kind === "denied" ? `etcdctl role grant-permission ROLE --prefix=true readwrite ${prefix}; a gateway alone needs only read` : "see the other findings first",
        details: { prefix }
      }
    ];
  } finally {
    if (lease !== void 0) await client.leaseClient.leaseRevoke({ ID: lease }).catch(() => {
    });
  }
}

// discovery/etcd/doctor/examine.ts
var PATIENCE_MS = 9e3;
var LEAST_MS = 250;
var QUOTA_MS = 1e3;
var Patience = class {
  thirdMs;
  #endsAt;
  constructor(totalMs) {
    this.thirdMs = totalMs / 3;
    this.#endsAt = performance.now() + totalMs;
  }
  get stepMs() {
    const left = this.#endsAt - performance.now() - this.thirdMs;
    return Math.max(LEAST_MS, Math.min(this.thirdMs, Math.round(left)));
  }
};
async function examine(options) {
  const clients = [];
  const open = (endpoints, user, password) => {
    const client = createEtcdClient({ endpoints, user, password, tls: options.tls });
    clients.push(client);
    return client;
  };
  try {
    const { endpoints } = options;
    const unfit = unfitFor(() => open(endpoints));
    return unfit ? [unfit] : inOrder(await look(options, open));
  } finally {
    for (const client of clients) client.close();
  }
}
function unfitFor(make) {
  try {
    make();
    return void 0;
  } catch (error) {
    const message = `etcd cannot be reached with these options: ${refusalReason(error)}`;
    const hint = "correct --etcd, and WAYGATE_ETCD_CA, WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY";
    return { check: "configuration", level: "problem", message, hint };
  }
}
async function look(options, open) {
  const { endpoints, user, password, tls, patienceMs = PATIENCE_MS } = options;
  const patience = new Patience(patienceMs);
  const places = endpoints.map(parseEndpoint);
  const reports = await Promise.all(
    places.map(
      (endpoint) => checkEndpoint({
        endpoint,
        tls,
        client: open([endpoint.url]),
        connectMs: patience.stepMs,
        callMs: () => patience.stepMs
      })
    )
  );
  const findings = reports.flatMap((report) => report.findings);
  const usable = reports.filter((report) => report.usable).map(({ url }) => url);
  if (usable.length === 0) return findings;
  const client = open(usable, user, password);
  const { findings: about, isAccepted } = await within(
    patience.stepMs,
    checkAuthentication({
      anonymous: open(usable),
      client,
      user,
      password,
      prefix: options.servicesPrefix,
      isOpenNetwork: places.some(({ secure, host }) => !secure && !isLoopbackHost(host))
    })
  ).catch((error) => ({
    findings: [unfinished("authentication", error)],
    isAccepted: false
  }));
  findings.push(...about);
  const statuses = isAccepted ? await Promise.all(reports.map((report) => statusOf(report, open, options, patience.stepMs))) : reports.map((report) => report.status);
  const known = statuses.filter((status) => status !== void 0);
  findings.push(...judgeVersions(known), ...judgeCluster(known));
  if (known.length === 0 && reports.some((report) => report.isReserved)) {
    const message = "this user may not see the versions, leader and sizes of the members (etcd shows them to root)";
    findings.push({ check: "cluster", level: "skipped", message });
  }
  if (!isAccepted) {
    const message = "the content of etcd was not checked, because it cannot be read";
    return [...findings, { check: "nodes", level: "skipped", message }];
  }
  const lookMs = patience.thirdMs;
  const isRemote = !places.some(({ host }) => isLoopbackHost(host));
  const watched = [...options.sources.map(({ prefix }) => prefix), options.routesPrefix];
  const looks = await Promise.all([
    guard("members", () => checkMembers(client, endpoints, known), lookMs),
    guard("space", async () => checkSpace(client, await withQuota(known, places, options)), lookMs),
    guard("leases", () => checkLeases(leaseCalls(client)), lookMs),
    checkWatches(client, watched, lookMs),
    checkKeys(client, { ...options, isRemote, withinMs: lookMs }),
    options.writeCheck ? guard("writing", () => checkWriting(client, options.servicesPrefix), lookMs) : []
  ]);
  return [...findings, ...looks.flat()];
}
async function statusOf({ url, status, isReserved: isReserved2 }, open, { user, password }, withinMs) {
  if (!isReserved2 || user === void 0) return status;
  const result = await readStatus(open([url], user, password), url, withinMs);
  return "status" in result ? result.status : void 0;
}
function withQuota(statuses, places, { tls }) {
  return Promise.all(
    statuses.map(async (status) => {
      const place = places.find(({ url }) => url === status.url);
      return { ...status, quotaBytes: place && await readQuota(place, tls, QUOTA_MS) };
    })
  );
}
function inOrder(findings) {
  return CHECKS.flatMap((check) => findings.filter((finding) => finding.check === check));
}

// cmd/commands/doctor-report.ts
import { styleText } from "node:util";
var COLORS = {
  ok: "green",
  warning: "yellow",
  problem: "red",
  skipped: "gray"
};
var WIDTH = Math.max(...Object.keys(COLORS).map((level) => level.length));
var INDENT = " ".repeat(WIDTH + 2);
function formatFindings(findings, { colors }) {
  const lines = findings.flatMap(({ level, message, hint, details }) => {
    const word = level.padEnd(WIDTH);
    const shown2 = colors ? styleText(COLORS[level], word, { validateStream: false }) : word;
    const items = (details?.items ?? []).map((item) => `${INDENT}- ${visible(item)}`);
    if (details?.more !== void 0) items.push(`${INDENT}and ${details.more} more`);
    const advice = hint === void 0 ? [] : [`${INDENT}\u2192 ${visible(hint)}`];
    return [`${shown2}  ${visible(message)}`, ...items, ...advice];
  });
  return [...lines, "", summary(findings)].join("\n");
}
function summary(findings) {
  const counted = ["problem", "warning"].flatMap((level) => {
    const number = findings.filter((finding) => finding.level === level).length;
    return number === 0 ? [] : `${number} ${level}${number === 1 ? "" : "s"}`;
  });
  return counted.length === 0 ? "No problems found." : `${counted.join(", ")}.`;
}
function visible(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0).toString(16)}}`
  );
}

// cmd/commands/doctor.ts
var CONNECT_MS = 2e3;
async function runDoctor(options) {
  const findings = await findAll(options);
  const isColored = process.stdout.isTTY === true && process.stdout.hasColors();
  console.log(
    options.json ? JSON.stringify(findings, null, 2) : formatFindings(findings, { colors: isColored })
  );
  return findings.some(({ level }) => level === "problem") ? 1 : 0;
}
async function findAll({ config: file, settings: settings2, writeCheck }) {
  const loaded = loadConfig({ file, env: process.env, flags: settings2 });
  const { config, keys, warnings } = loaded;
  const warned = warnings.map((message) => ({ check: "configuration", level: "warning", message }));
  if (config.discovery.registry !== "etcd") {
    const message = `discovery.registry is ${config.discovery.registry}: etcd is not used`;
    return [...warned, { check: "configuration", level: "ok", message }];
  }
  const { servicesPrefix, routesPrefix, format, sources } = config.discovery;
  const context = routeContext(config, keys);
  const parse = (id, document, origin) => parseRouteDocument(id, document, { ...context, origin });
  const etcd = {
    ...etcdClientOptions(config, keys),
    sources: servicesPrefixes({ prefix: servicesPrefix, format }, sources, checkPrefix(routesPrefix)),
    servicesPrefix,
    routesPrefix,
    parseRoute: (id, document) => parse(id, document, "etcd"),
    fileRoutes: Object.entries(config.routes.documents).flatMap(([id, document]) => {
      const parsed = parse(id, document, "file");
      return "route" in parsed ? [parsed.route] : [];
    }),
    guess: didYouMean,
    writeCheck
  };
  if (config.etcd.endpoints !== void 0) return [...warned, ...await examine(etcd)];
  return [...warned, ...await examineEmbedded(config.etcd.embedded, etcd)];
}
async function examineEmbedded(address, etcd) {
  const none = `no etcd is configured: waygate start runs the embedded etcd at ${address}`;
  const hint = "for more than one machine, run an etcd cluster and name it with --etcd or WAYGATE_ETCD";
  const place = parseEndpoint(`http://${address}`);
  const failure = place.port === 0 ? void 0 : await probe(place, void 0, CONNECT_MS);
  if (place.port === 0 || failure?.code === "ECONNREFUSED") {
    const message = `${none}, where nothing listens yet`;
    return [{ check: "configuration", level: "ok", message, hint }];
  }
  const findings = await examine(etcd);
  const version = findings.find(({ check }) => check === "version")?.details?.version;
  if (typeof version === "string" && isEmbedded({ version })) {
    const message = `${none}; an embedded etcd already listens there and was examined`;
    return [{ check: "configuration", level: "ok", message, hint }, ...findings];
  }
  const taken = {
    check: "configuration",
    level: "problem",
    message: `${none}, but something else listens there`,
    hint: `if that is the etcd to use, name it with --etcd http://${address}; otherwise move the embedded etcd with --embedded-etcd`
  };
  return [taken, ...findings];
}
export {
  runDoctor
};

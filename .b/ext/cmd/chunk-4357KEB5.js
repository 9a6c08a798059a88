import {
  startGateway
} from "./chunk-SB3F7PFE.js";
import {
  openAdmin
} from "./chunk-F4EGAA4B.js";
import {
  checkLoaded
} from "./chunk-4U4UOJRI.js";
import {
  openRegistry,
  startOwnEtcd
} from "./chunk-OQRN3LTU.js";

// cmd/gateway/stack.ts
async function startStack(loaded, { logger, write: writeLine }) {
  const { config, keys } = loaded;
  await checkLoaded(loaded);
  const closers = [];
  const closeAll = async () => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const embeddedEtcd = await startOwnEtcd(config, logger);
    if (embeddedEtcd) closers.push(() => embeddedEtcd.close());
    const registry = await openRegistry(config, {
      keys,
      embeddedUrl: embeddedEtcd?.url,
      logger: logger.child({ module: "discovery" })
    });
    closers.push(() => registry.close());
    let adminPort = config.adminPort;
    const gateway = await startGateway({
      ...{ config, keys, registry, logger, writeLine },
      adminPort: () => adminPort
    });
    gateway.health.startChecking();
    const admin = await openAdmin(gateway.pages, config, logger).catch(async (error) => {
      await gateway.retire(AbortSignal.abort());
      throw error;
    });
    adminPort = admin.address.port;
    return {
      gateway,
      adminAddress: admin.address,
      embeddedEtcd,
      async stop() {
        const cut = await gateway.stop();
        await admin.close();
        await closeAll();
        return cut;
      }
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

export {
  startStack
};

/** ClusterPool: the engines that serve a stack's models on Kubernetes. */
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { defaultPorts } from "../engine/contract/endpoints.ts";
import type { KubernetesObject } from "../engine/contract/kubernetes.ts";
import type { Platform } from "../engine/contract/platform.ts";
import { installationNames } from "../engine/manifests/names.ts";
import { Access } from "./access.ts";
import { EchoComponent } from "./component.ts";
import { DistributedCache } from "./distributed-cache.ts";
import { Gateway } from "./gateway.ts";
import type { ClusterHandle } from "./kubernetes/cluster-component.ts";
import { ClusterProvider } from "./kubernetes/cluster-provider.ts";
import { sliceInstallation } from "./kubernetes/slices.ts";
import { MemoryDatabase } from "./memory-database.ts";
import { ModelStorage } from "./model-storage.ts";
import { Operator } from "./operator.ts";

export interface ClusterPoolArgs {
  platform: Platform;
  /** Path of the kubeconfig that knows the cluster. */
  kubeconfig: string;
  /** Of the installation, as planned. */
  objects: readonly KubernetesObject[];
  /** Of the operator, as planned. @default none: the stack makes its models itself */
  operator?: readonly KubernetesObject[];
  /** Whether the settings in the objects hold secrets. @default false */
  isSecret?: boolean;
  /** Refuses to delete the volumes that memory and weights are on. @default false */
  protect?: boolean;
}

/** How a Model reaches the cluster that serves it. */
export interface ClusterPoolHandle {
  target: "kubernetes";
  cluster: ClusterHandle;
}

/**
 * What serves all models of a stack on a cluster.
 * Children: `<name>-cluster` (the provider), `<name>-access`, `<name>-storage`, `<name>-database`, `<name>-cache`,
 * `<name>-gateway`, `<name>-operator`; those without objects are left out.
 * Cost: that of its gateways, its database and its volumes; models cost their own.
 */
export class ClusterPool extends EchoComponent {
  readonly handle: ClusterPoolHandle;
  /** Inside the cluster; known before anything runs. */
  readonly endpoints: { main: string; ollama: string };

  constructor(name: string, args: ClusterPoolArgs, options?: ComponentResourceOptions) {
    super("EnginePool", name, options);
    const { platform, objects, operator = [] } = args;
    const { kubeconfig } = args;
    const { context, installation: base } = platform;
    this.endpoints = planClusterEndpoints(platform);
    const place = { kubeconfig, context };
    const provider = new ClusterProvider(this.childName("cluster"), place, this);
    const slices = sliceInstallation(objects, base);
    const { isSecret = false, protect = false } = args;
    const common = { base, isSecret, protect };
    const first = { cluster: { provider, before: [] }, ...common };
    const access = new Access(
      this.childName("access"),
      { ...first, objects: slices.access },
      this.childOptions(),
    );
    const cluster = { provider, before: access.namespaces };
    const parts = { ...common, cluster };
    const add = (Part: typeof Gateway, role: string, own: readonly KubernetesObject[]): void => {
      if (own.length === 0) return;
      new Part(this.childName(role), { ...parts, objects: own }, this.childOptions());
    };
    add(ModelStorage, "storage", slices.storage);
    add(MemoryDatabase, "database", slices.database);
    add(DistributedCache, "cache", slices.cache);
    add(Gateway, "gateway", slices.gateway);
    add(Operator, "operator", operator);
    this.handle = { target: "kubernetes", cluster };
    this.registerOutputs({ endpoints: this.endpoints });
  }
}

function planClusterEndpoints({ installation, namespace }: Platform): {
  main: string;
  ollama: string;
} {
  const host = `${installationNames(installation).service}.${namespace}.svc`;
  return {
    main: `http://${host}:${defaultPorts.main}`,
    ollama: `http://${host}:${defaultPorts.ollama}`,
  };
}

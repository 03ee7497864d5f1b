/** What every component is: a named group of resources that has no inputs or state of its own. */
import {
  ComponentResource,
  type ComponentResourceOptions,
  type CustomResourceOptions,
} from "@pulumi/pulumi";

export abstract class EchoComponent extends ComponentResource {
  readonly componentName: string;

  /** `{}` and not the arguments: otherwise the component shows as a second change beside its child's. */
  constructor(kind: string, name: string, options: ComponentResourceOptions = {}) {
    super(`echo:components:${kind}`, name, {}, options);
    this.componentName = name;
  }

  /** Children are called `<component>-<role>`, so that a name says where it belongs. */
  protected childName(role: string): string {
    return `${this.componentName}-${role}`;
  }

  protected childOptions(): CustomResourceOptions {
    return { parent: this };
  }
}

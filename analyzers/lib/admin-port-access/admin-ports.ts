/** Which of the sensitive ports are for administration or data, and as what each counts here. */
import { SENSITIVE_TCP_PORTS, type SensitivePort } from '../../../src/model/sensitive-ports.ts';

/** `login`: a person's way in. `control`: commands a cluster or a machine. `data`: a store or a broker. */
export type AdminKind = 'login' | 'control' | 'data';

export interface AdminPort extends Pick<SensitivePort, 'name' | 'services'> {
  readonly kind: AdminKind;
}

export const ADMIN_PORTS: ReadonlyMap<number, AdminPort> = new Map(
  [...SENSITIVE_TCP_PORTS].flatMap(([port, { name, services, ...sensitive }]) => {
    const kind = kindOf(sensitive);
    return kind === undefined ? [] : [[port, { name, services, kind }] as const];
  }),
);

/** Undefined where another detector tells of it: Docker's API, and shared files that nobody logs in to. */
function kindOf({ kind, takesLogins }: Pick<SensitivePort, 'kind' | 'takesLogins'>): AdminKind | undefined {
  switch (kind) {
    case 'engine':
      return 'control';
    case 'login':
    case 'data':
      return kind;
    case 'files':
      return takesLogins ? 'login' : undefined;
    case 'docker':
      return undefined;
  }
}

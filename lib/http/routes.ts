import type { Route } from './route.ts';
import { OBJECT_ROUTES } from './objects.ts';

/** Everything that can be asked. */
export const ROUTES: readonly Route[] = [...OBJECT_ROUTES];

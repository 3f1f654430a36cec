import { defineConfig } from 'vitest/config';
export default defineConfig({ test: { include: ['test/**/*.prop.test.ts'], testTimeout: 300000 } });

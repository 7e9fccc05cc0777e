import { defineConfig } from "vite";

// `just web` tells where a running system is; the built site is served by that system itself.
const system = process.env["MATINEE_SITE_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    rolldownOptions: { input: { index: "index.html", console: "console.html" } },
  },
  server: {
    host: "127.0.0.1",
    port: 5173,
    proxy: { "/api": { target: system, changeOrigin: true, headers: { origin: system } } },
  },
  appType: "spa",
});

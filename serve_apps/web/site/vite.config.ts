import { defineConfig, type Plugin } from "vite";

// `just web` tells where a running system is; the built site is served by that system itself.
const system = process.env["MATINEE_SITE_URL"] ?? "http://127.0.0.1:8000";

/** As the built site is served: a path without a dot under /console is the console's page, any other the members'. */
const twoSites: Plugin = {
  name: "two-sites",
  configureServer(server) {
    server.middlewares.use((request, _, next) => {
      if (/^\/console(?:\/[^.?]*)?(?:\?|$)/.test(request.url ?? "")) request.url = "/console.html";
      next();
    });
  },
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [twoSites],
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
